// The inverse normal distribution function of a word, in float32 arithmetic whose bits do not depend on the
// compiler, the vector width or the device. No libm, no contraction.
#pragma once

#include <cstring>

#include "common/hd.h"

namespace pyxai {

PYXAI_HD float float_of_bits(int32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

PYXAI_HD int32_t bits_of_float(float value) {
    int32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

// z with Phi(z) = (word + 1/2) / 2^32. With m the distance from the nearer end, a = 2m+1 and x = 2^32 - a in
// units of 2^-32: q = a/2 is the tail probability, x = 1 - 2q, and z = x N(w) / D(w) with w = -log2(1 - x²) =
// -log2(a (2 - a)). a and x are formed from integers, each accurate where it is small. Coefficients:
// tools/fit_normal.py.
struct Normal {
    PYXAI_HD static float value(uint32_t word) {
        constexpr float unit = 4.6566129e-10f; // 2^-31
        const int32_t bits = static_cast<int32_t>(word);
        const int32_t m = bits ^ bits >> 31; // the lower 31 bits, mirrored in the upper half
        const float a = (static_cast<float>(m) + 0.5f) * unit;
        const float x = (static_cast<float>(m ^ 0x7fffffff) + 0.5f) * unit;

        const int32_t u = bits_of_float(a * (2.0f - a));
        const int32_t exponent = (u - 0x3f3504f3) >> 23; // of the mantissa in [√½, √2)
        const float f = float_of_bits(u - exponent * (1 << 23)) - 1.0f;
        float log = 0.1716255f;
        log = log * f - 0.26932186f;
        log = log * f + 0.29569983f;
        log = log * f - 0.3593715f;
        log = log * f + 0.48062673f;
        log = log * f - 0.7213636f;
        log = log * f + 1.4426965f;
        const float w = 0.0f - (static_cast<float>(exponent) + log * f);

        float numerator = 2.117086e-08f;
        numerator = numerator * w + 9.483682e-06f;
        numerator = numerator * w + 0.0002625919f;
        numerator = numerator * w + 0.0041695526f;
        numerator = numerator * w + 0.04371729f;
        numerator = numerator * w + 0.31013167f;
        numerator = numerator * w + 1.2533141f;
        float denominator = 5.974807e-07f;
        denominator = denominator * w + 5.731652e-05f;
        denominator = denominator * w + 0.0007695808f;
        denominator = denominator * w + 0.01664694f;
        denominator = denominator * w + 0.06598358f;
        denominator = denominator * w + 1.0f;
        const float z = x * (numerator / denominator);
        return float_of_bits(bits_of_float(z) ^ (~bits & INT32_MIN));
    }
};

} // namespace pyxai
