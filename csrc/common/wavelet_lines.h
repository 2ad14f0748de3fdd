// The arithmetic of wavelet transforms on whole lines, for the CPU loops: several sums at once.
#pragma once

#include <type_traits>
#include <vector>

#include "common/hd.h"

namespace pyxai {

// What both directions come down to: two weighted sums of the same 2 Half lines,
//   a[i] = sum_q ax[q] x[q][i] + ay[q] y[q][i]   and   b[i] = sum_q bx[q] x[q][i] + by[q] y[q][i].
template <class A>
struct LineTaps {
    const A *ax, *ay, *bx, *by;
};

template <int Half, class A>
PYXAI_HD void two_sums(A *__restrict a, A *__restrict b, const A *const *x, const A *const *y,
                       const LineTaps<A> &taps, int64_t size) {
    const A *lines[2 * Half];
    A weights[4 * Half];
    for (int q = 0; q < Half; ++q) {
        lines[2 * q] = x[q];
        lines[2 * q + 1] = y[q];
        weights[4 * q] = taps.ax[q];
        weights[4 * q + 1] = taps.ay[q];
        weights[4 * q + 2] = taps.bx[q];
        weights[4 * q + 3] = taps.by[q];
    }
    for (int64_t i = 0; i < size; ++i) {
        A first = 0, second = 0;
        PYXAI_UNROLL
        for (int q = 0; q < Half; ++q) {
            const A low = lines[2 * q][i], high = lines[2 * q + 1][i];
            first += weights[4 * q] * low + weights[4 * q + 1] * high;
            second += weights[4 * q + 2] * low + weights[4 * q + 3] * high;
        }
        a[i] = first;
        b[i] = second;
    }
}

// The same for a number of lines known only now.
template <class A>
PYXAI_HD void two_sums(int64_t half, A *__restrict a, A *__restrict b, const A *const *x, const A *const *y,
                       const LineTaps<A> &taps, int64_t size) {
    for (int64_t i = 0; i < size; ++i)
        a[i] = b[i] = 0;
    for (int64_t q = 0; q < half; ++q) {
        const A ax = taps.ax[q], ay = taps.ay[q], bx = taps.bx[q], by = taps.by[q];
        const A *low = x[q], *high = y[q];
        for (int64_t i = 0; i < size; ++i) {
            a[i] += ax * low[i] + ay * high[i];
            b[i] += bx * low[i] + by * high[i];
        }
    }
}

// The sums of Half pairs of lines, or of `half` of them where Half is 0.
template <int Half, class A>
PYXAI_HD void two_lines(int64_t half, A *a, A *b, const A *const *x, const A *const *y,
                        const LineTaps<A> &taps, int64_t size) {
    if constexpr (Half > 0)
        two_sums<Half>(a, b, x, y, taps, size);
    else
        two_sums(half, a, b, x, y, taps, size);
}

// f of the number of taps by two as a constant, where it is a common one; else of 0.
template <class F>
void with_half(int64_t half, F f) {
    switch (half) {
    case 1:
        return f(std::integral_constant<int, 1>{});
    case 2:
        return f(std::integral_constant<int, 2>{});
    case 3:
        return f(std::integral_constant<int, 3>{});
    case 4:
        return f(std::integral_constant<int, 4>{});
    default:
        return f(std::integral_constant<int, 0>{});
    }
}

// Where `taps` holds ax, ay, bx and by one after the other.
template <class A>
LineTaps<A> line_taps(const std::vector<A> &taps) {
    const int64_t half = taps.size() / 4;
    const A *first = taps.data();
    return {first, first + half, first + 2 * half, first + 3 * half};
}

} // namespace pyxai
