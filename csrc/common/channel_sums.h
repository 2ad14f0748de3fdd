// Maps on the CPU that are sums over an image's channels, of which each is first looked at as a whole.
#pragma once

#include <cmath>
#include <vector>

#include "common/cpu.h"
#include "common/lanes.h"

namespace pyxai {

constexpr int64_t kColumns = 64; // channels beside each other whose lanes stay in the first level cache

// The sums of f(value, column) down `columns` ≤ kColumns columns of `rows` rows that lie `step` apart.
template <class A, class T, class F>
PYXAI_CLONES void column_sums(A *out, const T *values, int64_t rows, int64_t step, int64_t columns, F f) {
    A lanes[kLanes * kColumns] = {};
    for (int64_t r = 0; r < rows; ++r) {
        A *lane = lanes + r % kLanes * kColumns;
        for (int64_t c = 0; c < columns; ++c)
            lane[c] += f(static_cast<A>(values[r * step + c]), c);
    }
    fold_lanes(lanes, kColumns);
    for (int64_t c = 0; c < columns; ++c)
        out[c] = lanes[c];
}

// The greatest magnitudes in the same columns. What is no number does not count.
template <class A, class T>
PYXAI_CLONES void column_magnitudes(A *out, const T *values, int64_t rows, int64_t step, int64_t columns) {
    for (int64_t c = 0; c < columns; ++c)
        out[c] = 0;
    for (int64_t r = 0; r < rows; ++r)
        for (int64_t c = 0; c < columns; ++c) {
            const A magnitude = std::fabs(static_cast<A>(values[r * step + c]));
            out[c] = magnitude > out[c] ? magnitude : out[c];
        }
}

// The map of an image whose channels each lie by themselves, `sums` being scratch for its lanes. A channel is
// still in cache when its terms are added.
template <class A, class T, class OfPlane, class Term>
PYXAI_CLONES void plane_sums(T *out, A *sums, const T *values, int64_t places, int64_t size, OfPlane of_plane,
                             Term term) {
    for (int64_t i = 0; i < kLanes * places; ++i)
        sums[i] = 0;
    for (int64_t c = 0; c < size; ++c) {
        const auto channel = of_plane(c * places);
        const T *plane = values + c * places;
        A *lane = sums + c % kLanes * places;
        PYXAI_IN_STEP
        for (int64_t p = 0; p < places; ++p)
            lane[p] += term(channel, static_cast<A>(plane[p]));
    }
    fold_lanes(sums, places);
    for (int64_t p = 0; p < places; ++p)
        out[p] = static_cast<T>(sums[p]);
}

// The map of an image whose channels lie beside each other.
template <class A, class T, class Channel, class Term>
PYXAI_CLONES void place_sums(T *out, const T *values, int64_t places, int64_t size, const Channel *channels,
                             Term term) {
    for (int64_t p = 0; p < places; ++p) {
        const T *place = values + p * size;
        out[p] = static_cast<T>(
            sum_in_lanes<A>(size, [&](int64_t c) { return term(channels[c], static_cast<A>(place[c])); }));
    }
}

// Writes for each image the sums over its channels of term(channel, value), where `channel` is what is known
// of a channel as a whole. Of a functor `Channels` for an image, a call with an offset finds it where values
// lie together from there on, and with (to, offset, columns) for several that lie beside each other.
template <class Channels, class Term, class T>
void sum_channels(T *out, const T *values, const Tensor &like, Term term, Channels of) {
    using A = accumulate_t<T>;
    const bool beside = memory_format(like) == MemoryFormat::ChannelsLast;
    const int64_t images = like.size(0), size = like.size(1), places = like.size(2) * like.size(3);
    const int64_t grain = std::max<int64_t>(1, kGrain / std::max<int64_t>(1, size * places));
    torch::stable::parallel_for(0, images, grain, [&](int64_t begin, int64_t end) {
        std::vector<decltype(of(0))> channels(beside ? size : 0);
        std::vector<A> sums(beside ? 0 : kLanes * places);
        for (int64_t image = begin; image < end; ++image) {
            const T *from = values + image * size * places;
            const Channels channel = of.image(image * size * places);
            for (int64_t c = 0; beside && c < size; c += kColumns)
                channel(channels.data() + c, c, std::min(kColumns, size - c));
            if (beside)
                place_sums<A>(out + image * places, from, places, size, channels.data(), term);
            else
                plane_sums<A>(out + image * places, sums.data(), from, places, size, channel, term);
        }
    });
}

} // namespace pyxai
