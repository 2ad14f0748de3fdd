// A word as a uniform number.
#pragma once

#include "common/hd.h"

namespace pyxai {

// The odd multiples of 2^-24 in (0, 1): never 0, never 1, exact in float32.
struct Uniform {
    PYXAI_HD static float value(uint32_t word) {
        return static_cast<float>(static_cast<int32_t>(word >> 8 | 1)) * 5.9604645e-8f; // 2^-24
    }
};

} // namespace pyxai
