// FEM: where a channel is K standard deviations above its mean, and what that adds to the map.
#pragma once

#include <cmath>

#include "common/powers.h"

namespace pyxai {

// A channel as a whole. Its values are scaled by a power of two, so that their squares neither overflow nor
// vanish, and count from the first one, so that a constant channel has no deviation.
template <class A>
struct FemChannel {
    A scale, first, limit, weight;
};

// A value of a channel as it counts there.
template <class A>
PYXAI_HD A fem_value(A value, A scale, A first) {
    return value * scale - first;
}

// A value's square in the variance.
template <class A>
PYXAI_HD A fem_square(A value, A scale, A first, A mean) {
    const A deviation = fem_value(value, scale, first) - mean;
    return deviation * deviation;
}

// `mean` and `first` are scaled by `scale`, a power of two; `mean` counts from the first value, `squares`
// is the sum of theirs.
template <class A>
PYXAI_HD FemChannel<A> fem_channel(A scale, A first, A mean, A squares, A places, A k, bool weighted) {
    return {scale, first, mean + k * std::sqrt(squares / places), weighted ? (mean + first) / scale : A(1)};
}

// What a value adds to the map. A product, so that a channel that is no number makes the map none.
template <class A>
struct FemMark {
    bool strict;

    PYXAI_HD A operator()(const FemChannel<A> &channel, A value) const {
        const A above = fem_value(value, channel.scale, channel.first);
        const bool marked = strict ? above > channel.limit : above >= channel.limit;
        return channel.weight * (marked ? A(1) : A(0));
    }
};

} // namespace pyxai
