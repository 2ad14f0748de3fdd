// A point on the straight path from `start` (alpha = 0) to `end` (alpha = 1).
#pragma once

#include "common/hd.h"

namespace pyxai {

template <class T>
PYXAI_HD T path_point(T start, T end, accumulate_t<T> alpha) {
    using A = accumulate_t<T>;
    const A from = static_cast<A>(start);
    return static_cast<T>(from + alpha * (static_cast<A>(end) - from));
}

} // namespace pyxai
