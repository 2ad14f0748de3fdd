// The way back through the clamp of an obfuscated pixel.
#pragma once

#include "kernels/obfuscate.h"

namespace pyxai {

// The gradient before the clamp, of the gradient behind it and the value it gave: none where it is an end.
template <class T, class A>
PYXAI_HD A before_clamp(T grad, T value, A black, A white) {
    const A at = static_cast<A>(value); // compared as sums: torch and CUDA each have an == for half precision
    const bool end = at == static_cast<A>(clamped<T, A>(0, black, white)) ||
                     at == static_cast<A>(clamped<T, A>(1, black, white));
    return end ? A(0) : static_cast<A>(grad) * (white - black);
}

} // namespace pyxai
