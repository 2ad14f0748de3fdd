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

// What becomes of a map's values.
template <class A>
struct Scaling {
    A factor = 1, from = 0, length = 0;

    PYXAI_HD A operator()(A value) const {
        const A above = value * factor - from;
        return length > A(0) ? above / length : above;
    }
};

// The least and the greatest value of a map.
template <class A>
struct Extent {
    A least, greatest;

    PYXAI_HD Scaling<A> within(Range range) const {
        if (range == Range::none)
            return {};
        if (range == Range::max)
            return {A(1), A(0), greatest};
        // A distance that is no finite number is taken between halves.
        const A factor = greatest - least < static_cast<A>(INFINITY) ? A(1) : A(0.5);
        return {factor, least * factor, greatest * factor - least * factor};
    }
};

} // namespace pyxai
