// The signal that guided backpropagation lets through a ReLU.
#pragma once

#include "common/hd.h"

namespace pyxai {

// Not `value > 0 && signal > 0`: NaNs go where the gradient of a ReLU has them.
template <class A>
PYXAI_HD A guided_signal(A value, A signal) {
    return static_cast<int>(value <= A(0)) | static_cast<int>(signal <= A(0)) ? A(0) : signal;
}

} // namespace pyxai
