// Sums in sixteen lanes: the one order for vectors, blocks of threads and the reference
// (pyxai/ops/_lanes.py). Element i is added to lane i % 16; then lanes are added in halves.
#pragma once

#include "common/hd.h"

namespace pyxai {

constexpr int kLanes = 16;

// Adds the upper half of the lanes to the lower one, until the first is the sum. Each lane is `width` values.
template <class A>
PYXAI_HD void fold_lanes(A *lanes, int64_t width) {
    for (int half = kLanes / 2; half > 0; half /= 2)
        for (int64_t i = 0; i < half * width; ++i)
            lanes[i] += lanes[half * width + i];
}

// The sum of f(0) … f(size - 1).
template <class A, class F>
PYXAI_HD A sum_in_lanes(int64_t size, F f) {
    A lanes[kLanes] = {};
    int64_t i = 0;
    for (; i + kLanes <= size; i += kLanes)
        for (int lane = 0; lane < kLanes; ++lane)
            lanes[lane] += f(i + lane);
    for (int lane = 0; i + lane < size; ++lane)
        lanes[lane] += f(i + lane);
    fold_lanes(lanes, 1);
    return lanes[0];
}

// The greatest of f(0) … f(size - 1) and 0. What is no number does not count.
template <class A, class F>
PYXAI_HD A greatest_in_lanes(int64_t size, F f) {
    A lanes[kLanes] = {};
    int64_t i = 0;
    for (; i + kLanes <= size; i += kLanes)
        for (int lane = 0; lane < kLanes; ++lane) {
            const A value = f(i + lane);
            lanes[lane] = value > lanes[lane] ? value : lanes[lane];
        }
    A greatest = 0;
    for (; i < size; ++i) {
        const A value = f(i);
        greatest = value > greatest ? value : greatest;
    }
    for (int lane = 0; lane < kLanes; ++lane)
        greatest = lanes[lane] > greatest ? lanes[lane] : greatest;
    return greatest;
}

} // namespace pyxai
