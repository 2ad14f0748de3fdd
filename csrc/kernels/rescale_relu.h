// Slope of the ReLU between two points: DeepLIFT's Rescale rule.
#pragma once

#include "common/hd.h"

namespace pyxai {

template <class A>
PYXAI_HD A relu(A x) {
    return x > A(0) ? x : A(0);
}

// Where the points coincide, the gradient there.
template <class A>
PYXAI_HD A relu_slope(A x, A x0) {
    const A difference = x - x0;
    const A quotient = (relu(x) - relu(x0)) / (difference == A(0) ? A(1) : difference);
    return difference == A(0) ? (x0 > A(0) ? A(1) : A(0)) : quotient;
}

} // namespace pyxai
