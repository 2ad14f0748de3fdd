// Counter-based noise: Philox4x32-10 (Salmon et al. 2011) and the inverse normal distribution function, in
// float32 arithmetic whose bits do not depend on the compiler, the vector width or the device. No libm, no
// contraction.
#pragma once

#include <cstring>

#include "common/hd.h"

namespace pyxai {

struct Words {
    uint32_t w[4];
};

// Ten rounds over the counter, keyed by the two halves of `seed`. Words live in 64-bit lanes, whose upper
// halves are never read: so the widening product is one instruction and needs no shuffle.
PYXAI_HD Words philox(Words counter, uint64_t seed) {
    constexpr uint64_t low = 0xffffffffu;
    uint64_t c0 = counter.w[0], c1 = counter.w[1], c2 = counter.w[2], c3 = counter.w[3];
    uint32_t k0 = static_cast<uint32_t>(seed), k1 = static_cast<uint32_t>(seed >> 32);
    for (int round = 0; round < 10; ++round) {
        const uint64_t p0 = (c0 & low) * 0xD2511F53u, p1 = (c2 & low) * 0xCD9E8D57u;
        c0 = p1 >> 32 ^ c1 ^ k0;
        c1 = p1;
        c2 = p0 >> 32 ^ c3 ^ k1;
        c3 = p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return {{static_cast<uint32_t>(c0), static_cast<uint32_t>(c1), static_cast<uint32_t>(c2),
             static_cast<uint32_t>(c3)}};
}

// Which stream of words: one sample's one draw under one seed. Its elements 4k … 4k+3 come from counter k.
struct Stream {
    uint64_t seed, id;
    uint32_t draw;

    PYXAI_HD Words words(uint32_t k) const {
        return philox({{k, draw, static_cast<uint32_t>(id), static_cast<uint32_t>(id >> 32)}}, seed);
    }
};

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

// The odd multiples of 2^-24 in (0, 1): never 0, never 1, exact in float32.
struct Uniform {
    PYXAI_HD static float value(uint32_t word) {
        return static_cast<float>(static_cast<int32_t>(word >> 8 | 1)) * 5.9604645e-8f; // 2^-24
    }
};

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
