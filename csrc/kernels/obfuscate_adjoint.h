// The way back through the clamp of an obfuscated pixel.
#pragma once

#include "kernels/obfuscate.h"

namespace pyxai {

// The gradient before the clamp, of the gradient behind it and the value it gave: none where it is an end.
template <class T, class A>
PYXAI_HD A before_clamp(T grad, T value, A black, A white) {
    const bool end = value == clamped<T, A>(0, black, white) || value == clamped<T, A>(1, black, white);
    return end ? A(0) : static_cast<A>(grad) * (white - black);
}

} // namespace pyxai
