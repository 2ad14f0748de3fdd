// Separable two-dimensional wavelet transform of several levels: sizes, borders and the arithmetic of a line.
//
// One level in one dimension, filters of F taps, F even, n values to m = (n + F - 1) / 2 low and m high ones:
//   analysis   c[i] = sum_j h[j] x(2i + 1 - j), x continued beyond its border,
//   synthesis  x[t] = sum_i g[t - 2i + F - 2] c[i], cut to n values.
#pragma once

#include "common/hd.h"

namespace pyxai {

constexpr int kMostLevels = 30;

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

PYXAI_HD int64_t larger(int64_t a, int64_t b) {
    return a > b ? a : b;
}

// Sizes of the levels of a plane, and where their values lie in its row of coefficients: the low plane of the
// last level first, then from the last level to the first three planes of details, high along the columns,
// along the rows, along both.
struct WaveletSizes {
    int levels;
    int64_t taps, size;                           // size: of all coefficients
    int64_t most_plane, most_lines, most_columns; // largest plane, filtered rows and line of a level
    int64_t rows[kMostLevels + 1], columns[kMostLevels + 1], details[kMostLevels + 1];

    PYXAI_HD WaveletSizes(int64_t height, int64_t width, int levels, int64_t taps)
        : levels(levels), taps(taps), most_plane(0), most_lines(0), most_columns(width) {
        rows[0] = height;
        columns[0] = width;
        for (int j = 1; j <= levels; ++j) {
            rows[j] = (rows[j - 1] + taps - 1) / 2;
            columns[j] = (columns[j - 1] + taps - 1) / 2;
            most_plane = larger(most_plane, plane(j)); // small planes grow if the filters are long
            most_lines = larger(most_lines, rows[j - 1] * columns[j]);
            most_columns = larger(most_columns, columns[j]);
        }
        size = plane(levels);
        for (int j = levels; j > 0; --j) {
            details[j] = size;
            size += 3 * plane(j);
        }
    }

    PYXAI_HD int64_t plane(int j) const { return rows[j] * columns[j]; }

    // Where part p begins: part 0 is the low plane, part p > 0 the details of level levels + 1 - p.
    PYXAI_HD int64_t part(int p) const { return p == 0 ? 0 : p > levels ? size : details[levels + 1 - p]; }
};

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

// One value of each direction, for a thread of a grid. `at(i)` reads the signal.
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

template <class A, class At>
PYXAI_HD A synthesised(const A *taps, int64_t size, int64_t t, At at) {
    A sum = 0;
    for (int64_t q = 0; q < size / 2; ++q)
        sum += taps[size - 2 - 2 * q + t % 2] * at(t / 2 + q);
    return sum;
}

} // namespace pyxai
