// Powers of two that bring numbers of any size near 1: products with them change no bit of what is computed,
// and squares and sums of what they scale stay within the range of numbers.
#pragma once

#include <cstdint>
#include <cstring>

#include "common/hd.h"

namespace pyxai {

template <class A>
struct Exponent;
template <>
struct Exponent<float> {
    using Bits = uint32_t;
    static constexpr int fraction = 23;
    static constexpr Bits all = 255, most = 253; // of 2^126, whose reciprocal is the least normal number
};
template <>
struct Exponent<double> {
    using Bits = uint64_t;
    static constexpr int fraction = 52;
    static constexpr Bits all = 2047, most = 2045;
};

// The power of two at or below x ≥ 0, but at least the least normal number and at most its reciprocal: of
// these two the former stands for zero, the latter for infinity and what is no number.
template <class A>
PYXAI_HD A power_of_two(A x) {
    using Bits = typename Exponent<A>::Bits;
    Bits bits;
    memcpy(&bits, &x, sizeof bits);
    Bits exponent = bits >> Exponent<A>::fraction & Exponent<A>::all;
    exponent = exponent < 1 ? 1 : exponent > Exponent<A>::most ? Exponent<A>::most : exponent;
    bits = exponent << Exponent<A>::fraction;
    A power;
    memcpy(&power, &bits, sizeof power);
    return power;
}

} // namespace pyxai
