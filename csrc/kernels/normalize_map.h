// A map brought to a range by its own values: its least and its greatest one, and what becomes of each.
#pragma once

#include <cmath>

#include "common/hd.h"

namespace pyxai {

enum class Range { none, min_max, max };

// The least value that stays: 0, or none where all stay. What is no number stays, too.
template <class A>
PYXAI_HD A floor_of(bool relu) {
    return relu ? A(0) : -static_cast<A>(INFINITY);
}

template <class A, class T>
PYXAI_HD A rectified(T value, A floor) {
    return static_cast<A>(value) < floor ? floor : static_cast<A>(value);
}

// The lesser and the greater of two values; neither is a number as soon as one of them is none.
template <class A>
PYXAI_HD A lesser(A value, A other) {
    return (other < value) | (other != other) ? other : value;
}

template <class A>
PYXAI_HD A greater(A value, A other) {
    return (other > value) | (other != other) ? other : value;
}

// The least and the greatest value of a map.
template <class A>
struct Extent {
    A least, greatest;

    // What is subtracted from the values, and what they are divided by then, if it is positive.
    PYXAI_HD Extent within(Range range) const {
        const A from = range == Range::min_max ? least : A(0);
        return {from, range == Range::none ? A(0) : greatest - from};
    }
};

template <class A>
PYXAI_HD A in_extent(A value, const Extent<A> &extent) {
    const A above = value - extent.least;
    return extent.greatest > A(0) ? above / extent.greatest : above;
}

} // namespace pyxai
