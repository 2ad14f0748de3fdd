// Logarithm and exponential in plain arithmetic, so that loops over them vectorise, and the elements of
// spectral residual saliency.
#pragma once

#include <cmath>
#include <cstring>

#include "common/complex_plane.h"

namespace pyxai {

// How floating point numbers are laid out, and how many terms of each series reach their last bit.
template <class A>
struct Layout;
template <>
struct Layout<float> {
    using Bits = int32_t;
    using Unsigned = uint32_t;
    static constexpr int fraction = 23, bias = 127, log_terms = 5, exp_terms = 7;
    static constexpr Bits root_half = 0x3f3504f3;         // bits of √½
    static constexpr float ln2_high = 0.693145751953125f; // 15 bits: its products with exponents are exact
    static constexpr float ln2_low = 1.42860677e-06f;
    static constexpr float round = 12582912.0f; // 1.5 · 2^23: adding it leaves the nearest integer
};
template <>
struct Layout<double> {
    using Bits = int64_t;
    using Unsigned = uint64_t;
    static constexpr int fraction = 52, bias = 1023, log_terms = 9, exp_terms = 13;
    static constexpr Bits root_half = 0x3fe6a09e667f3bcd;
    static constexpr double ln2_high = 0.693147180369123816490; // 33 bits
    static constexpr double ln2_low = 1.90821492927058770002e-10;
    static constexpr double round = 6755399441055744.0;
};

template <class To, class From>
PYXAI_HD To bits_as(From from) {
    static_assert(sizeof(To) == sizeof(From), "the same width");
    To to;
    memcpy(&to, &from, sizeof to);
    return to;
}

// log x of a normal number x > 0. With x = 2^e m, m in [√½, √2), and s = (m - 1) / (m + 1):
// log x = e log 2 + 2 (s + s³/3 + s⁵/5 + …).
template <class A>
PYXAI_HD A log_of(A x) {
    using L = Layout<A>;
    using Bits = typename L::Bits;
    const Bits bits = bits_as<Bits>(x);
    const Bits exponent = (bits - L::root_half) >> L::fraction;
    const A m = bits_as<A>(bits - exponent * (Bits(1) << L::fraction));
    const A s = (m - 1) / (m + 1), square = s * s;
    A series = 0;
    PYXAI_UNROLL
    for (int k = L::log_terms; k > 0; --k)
        series = series * square + A(1) / static_cast<A>(2 * k + 1);
    const A e = static_cast<A>(exponent);
    return e * L::ln2_high + (2 * s + (2 * s * (square * series) + e * L::ln2_low));
}

// exp x where neither x nor the result leaves the normal numbers: 2^n e^r with |r| <= log(2) / 2.
template <class A>
PYXAI_HD A exp_of(A x) {
    using L = Layout<A>;
    const A shifted = x * static_cast<A>(1.4426950408889634) + L::round;
    const A n = shifted - L::round;
    const A r = (x - n * L::ln2_high) - n * L::ln2_low;
    A series = 1;
    PYXAI_UNROLL
    for (int k = L::exp_terms; k > 0; --k)
        series = 1 + series * r * (A(1) / static_cast<A>(k));
    using U = typename L::Unsigned; // the upper bits are shifted out
    const U power = (bits_as<U>(shifted) + U(L::bias)) << L::fraction;
    return series * bits_as<A>(power);
}

// What the logarithm is taken of: the amplitude, bounded below by one grey level, or raised by 1.
template <class A>
struct Raise {
    A floor, offset;

    explicit Raise(bool opencv) : floor(opencv ? A(0) : A(1.0 / 255)), offset(opencv ? A(1) : A(0)) {}

    PYXAI_HD A operator()(A amplitude) const { return (amplitude > floor ? amplitude : floor) + offset; }
};

template <class A, class T>
PYXAI_HD A amplitude_of(const T *coefficient) {
    return std::sqrt(squared_magnitude<A>(coefficient));
}

// What a coefficient of this amplitude is multiplied by to have the amplitude exp(log - mean). Of a zero
// coefficient it is that amplitude itself: its phase counts as zero.
template <class A>
PYXAI_HD A residual_scale(A amplitude, A log, A mean) {
    return exp_of(log - mean) / (amplitude == 0 ? A(1) : amplitude);
}

// The real part of a coefficient that is scaled so.
template <class A>
PYXAI_HD A scaled_real(A real, A amplitude, A scale) {
    return amplitude == 0 ? scale : real * scale;
}

} // namespace pyxai
