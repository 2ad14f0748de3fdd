// Welford's update of a running mean and a running sum of squared deviations with one more value.
#pragma once

#include "common/hd.h"

namespace pyxai {

// `count` includes the new value.
template <class A, class T>
PYXAI_HD void update_moments(A &mean, A &m2, T row, A count) {
    const A value = static_cast<A>(row);
    const A deviation = value - mean;
    mean = mean + deviation / count;
    m2 = m2 + deviation * (value - mean);
}

} // namespace pyxai
