// Planes of complex numbers, each a real and an imaginary part: magnitudes, and places beyond the border.
#pragma once

#include "common/hd.h"

namespace pyxai {

template <class A, class T>
PYXAI_HD A squared_magnitude(const T *number) {
    const A real = static_cast<A>(number[0]), imaginary = static_cast<A>(number[1]);
    return real * real + imaginary * imaginary;
}

// Place i of a side of n values, -n < i < 2n, where it may lie beyond the border: mirrored about the
// outermost value, or the outermost value itself.
PYXAI_HD int64_t inside(int64_t i, int64_t n, bool mirrored) {
    if (mirrored) {
        i = i < 0 ? -i : i;
        i = n - 1 - i < 0 ? 2 * (n - 1) - i : i;
    }
    return i < 0 ? 0 : i < n ? i : n - 1;
}

} // namespace pyxai
