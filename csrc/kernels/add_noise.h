// An element plus scaled noise.
#pragma once

#include "common/hd.h"

namespace pyxai {

template <class T>
PYXAI_HD T noisy(T value, float noise, accumulate_t<T> scale) {
    using A = accumulate_t<T>;
    return static_cast<T>(static_cast<A>(value) + scale * static_cast<A>(noise));
}

} // namespace pyxai
