// A place of an image that is filled up from one level of a pyramid, or between two.
#pragma once

#include "common/hd.h"

namespace pyxai {

// A level of a pyramid, and how far a place is on the way to the next one.
template <class A>
struct Place {
    int64_t level;
    A part;
};

// Where a mask's value lies between `levels` levels. NaN lies at the first one.
template <class A>
PYXAI_HD Place<A> place_of(A mask, int64_t levels, bool interpolate) {
    const bool between = interpolate && levels > 1;
    const A place = mask * static_cast<A>(interpolate ? levels - 1 : levels);
    const int64_t last = between ? levels - 2 : levels - 1;
    const int64_t level = place >= static_cast<A>(last) ? last : place > 0 ? static_cast<int64_t>(place) : 0;
    return {level, between ? place - static_cast<A>(level) : A(0)};
}

// Where the elements of images lie in the memory format they have.
struct Layout4 {
    int64_t channel, pixel;

    PYXAI_HD int64_t at(int64_t c, int64_t p) const { return c * channel + p * pixel; }
};

// The background at an element whose levels are `step` apart.
template <class A, class T>
PYXAI_HD A background(const T *level, A part, int64_t step, bool between) {
    const A here = static_cast<A>(level[0]);
    return between ? here + part * (static_cast<A>(level[step]) - here) : here;
}

template <class A>
PYXAI_HD A filled(A image, A mask, A background) {
    return mask * image + (1 - mask) * background;
}

} // namespace pyxai
