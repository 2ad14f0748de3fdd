// DeepLIFT's RevealCancel rule for one ReLU.
#pragma once

#include "kernels/rescale_relu.h"

namespace pyxai {

template <class A>
struct Multipliers {
    A mean, spread;
};

// Mean slope of the ReLU over a step from two points, in [0, 1]. Only a step over the kink is divided by its
// size, which then is no smaller than the values it is made of: however small a step is, nothing cancels.
template <class A>
PYXAI_HD A mean_relu_slope(A first, A second, A step) {
    const A first_end = first + step, second_end = second + step;
    const bool first_above = first > A(0), second_above = second > A(0);
    const bool first_crosses = first_above != (first_end > A(0));
    const bool second_crosses = second_above != (second_end > A(0));
    const A rise = (first_crosses ? relu(first_end) - relu(first) : A(0)) +
                   (second_crosses ? relu(second_end) - relu(second) : A(0));
    const A whole =
        (first_above && !first_crosses ? A(1) : A(0)) + (second_above && !second_crosses ? A(1) : A(0));
    return A(0.5) * (whole + rise / (step == A(0) ? A(1) : step));
}

// The positive and negative contributions to x - x0 are half of x - x0 ± magnitude, the multipliers mean ±
// spread.
template <class A>
PYXAI_HD Multipliers<A> reveal_cancel(A mean, A spread, A x, A x0, A magnitude) {
    const A half(0.5), difference = x - x0;
    const A positive = half * (difference + magnitude), negative = half * (difference - magnitude);
    const A above = (mean + spread) * mean_relu_slope(x0, x0 + negative, positive);
    const A below = (mean - spread) * mean_relu_slope(x0, x0 + positive, negative);
    return {half * (above + below), half * (above - below)};
}

} // namespace pyxai
