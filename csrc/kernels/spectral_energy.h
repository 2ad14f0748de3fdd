// The elements of a saliency map out of complex planes, before and behind its smoothing.
#pragma once

#include <cmath>

#include "common/complex_plane.h"

namespace pyxai {

// What is smoothed: the magnitude, or its square.
template <class A, class T>
PYXAI_HD A energy_of(const T *number, bool opencv) {
    const A energy = squared_magnitude<A>(number);
    return opencv ? std::sqrt(energy) : energy;
}

// The map's value of a smoothed one.
template <class A>
PYXAI_HD A energy_from(A smooth, bool opencv) {
    return opencv ? smooth * smooth : smooth;
}

} // namespace pyxai
