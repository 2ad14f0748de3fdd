// One coefficient masked and filled up with noise, and one pixel clamped.
#pragma once

#include "kernels/uniform_noise.h"

namespace pyxai {

// What stands in a coefficient's place where the mask is 0.
template <class A>
PYXAI_HD A replacement(A centre, A spread, float noise) {
    return centre + spread * static_cast<A>(noise);
}

template <class A>
PYXAI_HD A masked(A mask, A value, A other) {
    return mask * value + (1 - mask) * other;
}

// Evenly spread over (-1, 1), twice as far apart as Uniform's.
struct Symmetric {
    PYXAI_HD static float value(uint32_t word) { return 2.0f * Uniform::value(word) - 1.0f; }
};

// Between black and white, in a channel's own units. NaN stays.
template <class T, class A>
PYXAI_HD T clamped(A value, A black, A white) {
    const A unit = value < 0 ? A(0) : value > 1 ? A(1) : value;
    return static_cast<T>(black + unit * (white - black));
}

} // namespace pyxai
