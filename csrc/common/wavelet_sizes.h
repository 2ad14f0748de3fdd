// Sizes of a separable two-dimensional wavelet transform of several levels.
//
// One level in one dimension, filters of F taps, F even, makes n values to (n + F - 1) / 2 low and as many
// high ones.
#pragma once

#include "common/hd.h"

namespace pyxai {

constexpr int kMostLevels = 30;

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

} // namespace pyxai
