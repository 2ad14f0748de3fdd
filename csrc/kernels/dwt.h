// Wavelet analysis: how a signal goes on beyond its border, and one coefficient of it.
//
// In one dimension, filters of F taps, F even: c[i] = sum_j h[j] x(2i + 1 - j), x continued beyond its
// border.
#pragma once

#include "common/hd.h"

namespace pyxai {

enum class Padding { zero, symmetric, periodic, reflect };

// The place in [0, n) that continues a signal of n values at t, or -1 where it continues with zeros.
PYXAI_HD int64_t continued(int64_t t, int64_t n, Padding padding) {
    if (t >= 0 && t < n)
        return t;
    if (padding == Padding::zero)
        return -1;
    const int64_t period = padding == Padding::symmetric ? 2 * n
                           : padding == Padding::reflect ? (n > 1 ? 2 * n - 2 : 1)
                                                         : n;
    const int64_t place = (t % period + period) % period;
    if (place < n)
        return place;
    return padding == Padding::symmetric ? 2 * n - 1 - place : period - place;
}

// One value, for a thread of a grid. `at(i)` reads the signal.
template <class A, class At>
PYXAI_HD A analysed(const A *taps, int64_t size, int64_t i, int64_t n, Padding padding, At at) {
    A sum = 0;
    for (int64_t j = 0; j < size; ++j) {
        const int64_t place = continued(2 * i + 1 - j, n, padding);
        if (place >= 0)
            sum += taps[j] * at(place);
    }
    return sum;
}

} // namespace pyxai
