// Coefficients of random spectra, and pixels of the pictures that they become.
#pragma once

#include "kernels/spectral_residual.h"

namespace pyxai {

// The row of a coefficient's mirror image, which has the conjugate value where a plane is real.
PYXAI_HD int64_t mirrored_row(int64_t row, int64_t height) {
    return row == 0 ? 0 : height - row;
}

// Whether the mirror image lies in the same column: of frequency 0, and of the highest for an even width.
PYXAI_HD bool own_mirror(int64_t column, int64_t width) {
    return column == 0 || 2 * column == width;
}

// Both parts of the mean of a number and the conjugate of its mirror image.
template <class A>
PYXAI_HD A symmetric_real(A real, A mirrored) {
    return A(0.5) * (real + mirrored);
}
template <class A>
PYXAI_HD A symmetric_imaginary(A imaginary, A mirrored) {
    return A(0.5) * (imaginary - mirrored);
}

// 1 / (1 + exp(-x)), 0 or 1 beyond where the exponential leaves the normal numbers. NaN stays.
template <class A>
PYXAI_HD A sigmoid(A x) {
    constexpr A most = sizeof(A) == sizeof(double) ? A(700) : A(80);
    x = x < -most ? -most : x;
    x = x > most ? most : x;
    return 1 / (1 + exp_of(-x));
}

} // namespace pyxai
