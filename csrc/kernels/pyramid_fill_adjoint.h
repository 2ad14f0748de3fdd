// What a filled place changes by when its mask does.
#pragma once

#include "kernels/pyramid_fill.h"

namespace pyxai {

// d filled / d mask, the background's own change included where it lies between two of `levels` levels.
template <class A, class T>
PYXAI_HD A slope_by_mask(A image, A mask, const T *level, A part, int64_t step, int64_t levels,
                         bool between) {
    const A change = image - background(level, part, step, between);
    if (!between)
        return change;
    const A rise = static_cast<A>(level[step]) - static_cast<A>(level[0]);
    return change + (1 - mask) * (static_cast<A>(levels - 1) * rise);
}

} // namespace pyxai
