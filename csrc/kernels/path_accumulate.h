// One term of a weighted sum: one multiplication, one addition, in the type of the sum.
#pragma once

#include "common/hd.h"

namespace pyxai {

template <class A, class T>
PYXAI_HD void path_accumulate(A &total, T row, A weight) {
    total = total + weight * static_cast<A>(row);
}

} // namespace pyxai
