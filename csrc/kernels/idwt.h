// Wavelet synthesis: one filter's share in one value.
//
// In one dimension, filters of F taps, F even: x[t] = sum_i g[t - 2i + F - 2] c[i], cut to the signal's
// length.
#pragma once

#include "common/hd.h"

namespace pyxai {

// The tap that weighs coefficient t / 2 + q in value t, odd = t % 2.
PYXAI_HD int64_t synthesis_tap(int64_t size, int64_t q, int64_t odd) {
    return size - 2 - 2 * q + odd;
}

// One value, for a thread of a grid. `at(i)` reads the coefficients.
template <class A, class At>
PYXAI_HD A synthesised(const A *taps, int64_t size, int64_t t, At at) {
    A sum = 0;
    for (int64_t q = 0; q < size / 2; ++q)
        sum += taps[synthesis_tap(size, q, t % 2)] * at(t / 2 + q);
    return sum;
}

} // namespace pyxai
