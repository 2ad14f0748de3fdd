// A histogram of grey levels that pixels enter and leave, with the sum of c log2 c of its counts c in whole
// multiples of 2^-32: the order in which pixels came does not matter.
#pragma once

#include <cmath>

#include "common/hd.h"

namespace pyxai {

constexpr int kLevels = 256;
constexpr double kEntropyUnit = 4294967296.0;

template <class T>
PYXAI_HD int grey_level(T value) {
    const double level = static_cast<double>(value) * (kLevels - 1) + 0.5;
    return level < 0 ? 0 : level > kLevels - 1 ? kLevels - 1 : static_cast<int>(level);
}

// Pixels of row `row` of the window on either side of its middle.
inline int64_t window_reach(int64_t row, int64_t radius, bool disk) {
    if (!disk)
        return radius;
    int64_t reach = 0;
    while ((reach + 1) * (reach + 1) + row * row <= radius * radius)
        ++reach;
    return reach;
}

// Entry c of the table: c log2 c in units.
inline int64_t entropy_term(int64_t count) {
    return count < 2 ? 0
                     : std::llrint(static_cast<double>(count) * std::log2(static_cast<double>(count)) *
                                   kEntropyUnit);
}

template <class Count>
struct LevelHistogram {
    Count *counts; // kLevels of them, zero at first
    const int64_t *terms;
    int64_t sum = 0, size = 0;

    PYXAI_HD void add(int level) {
        const Count count = counts[level]++;
        sum += terms[count + 1] - terms[count];
        ++size;
    }

    PYXAI_HD void remove(int level) {
        const Count count = counts[level]--;
        sum -= terms[count] - terms[count - 1];
        --size;
    }

    // log2 n - sum / n; n log2 n is an entry of the table like any other.
    PYXAI_HD double entropy() const {
        return static_cast<double>(terms[size] - sum) / (kEntropyUnit * static_cast<double>(size));
    }
};

} // namespace pyxai
