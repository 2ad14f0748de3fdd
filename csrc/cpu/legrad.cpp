#include "kernels/legrad.h"
#include "common/cpu.h"

#include <type_traits>
#include <vector>

namespace pyxai {

// Numbers of several keys, in two registers of 16 bytes: with four queries all stay in registers on any CPU,
// and wider ones would be taken apart before the clones are made.
template <class A>
struct LegradKeys {
    typedef A Vector __attribute__((vector_size(16)));
    static constexpr int64_t count = 32 / sizeof(A);
    Vector low, high;

    PYXAI_HD LegradKeys operator*(A factor) const { return {low * factor, high * factor}; }

    PYXAI_HD void operator+=(const LegradKeys &other) {
        low += other.low;
        high += other.high;
    }

    PYXAI_HD void store(A *to) const {
        for (int64_t c = 0; c < count / 2; ++c) {
            to[c] += low[c];
            to[count / 2 + c] += high[c];
        }
    }

    static PYXAI_HD LegradKeys load(const A *from) {
        LegradKeys keys;
        __builtin_memcpy(&keys, from, sizeof(keys));
        return keys;
    }
};

template <class A>
PYXAI_HD void add_positive(LegradKeys<A> &sum, const LegradKeys<A> &dot) {
    const typename LegradKeys<A>::Vector zero = {};
    sum.low += dot.low < zero ? zero : dot.low;
    sum.high += dot.high < zero ? zero : dot.high;
}

// Adds to `sums` what the queries of a tile have for the keys whose values lie in columns.
template <class A>
PYXAI_CLONES void legrad_tile(A *sums, const A *gradient, const A *columns, int64_t queries, int64_t width) {
    using Keys = LegradKeys<A>;
    Keys sum = {};
    add_tile<A>(sum, gradient, queries, width,
                [&](int64_t k) { return Keys::load(columns + k * Keys::count); });
    sum.store(sums);
}

// The sums of `keys` ≤ LegradKeys::count keys of an image, from the first one's values on.
template <class T>
void legrad_keys(T *out, const T *gradient, const T *values, int64_t heads, int64_t queries, int64_t all_keys,
                 int64_t keys, int64_t width) {
    using A = accumulate_t<T>;
    constexpr int64_t count = LegradKeys<A>::count;
    A sums[count] = {};
    std::vector<A> columns(count * width), converted;
    if constexpr (!std::is_same_v<T, A>)
        converted.resize(kLegradTile * width);
    for (int64_t h = 0; h < heads; ++h) {
        for (int64_t c = 0; c < keys; ++c)
            for (int64_t k = 0; k < width; ++k)
                columns[k * count + c] = static_cast<A>(values[(h * all_keys + c) * width + k]);
        for (int64_t i = 0; i < queries; i += kLegradTile) {
            const int64_t tile = std::min<int64_t>(kLegradTile, queries - i);
            const T *from = gradient + (h * queries + i) * width;
            if constexpr (std::is_same_v<T, A>) {
                legrad_tile(sums, from, columns.data(), tile, width);
            } else {
                for (int64_t k = 0; k < tile * width; ++k)
                    converted[k] = static_cast<A>(from[k]);
                legrad_tile(sums, converted.data(), columns.data(), tile, width);
            }
        }
    }
    for (int64_t c = 0; c < keys; ++c)
        out[c] = static_cast<T>(sums[c]);
}

static Tensor legrad(const Tensor &gradient, const Tensor &values) {
    const Tensor slopes = contiguous(gradient), dense = contiguous(values);
    const int64_t images = values.size(0), heads = values.size(1), keys = values.size(2);
    const int64_t queries = gradient.size(2), width = values.size(3);
    Tensor out = torch::stable::new_empty(dense, {images, keys});
    if (out.numel() == 0)
        return out;
    dispatch_floating(values.scalar_type(), "legrad", [&](auto zero) {
        using T = decltype(zero);
        constexpr int64_t count = LegradKeys<accumulate_t<T>>::count;
        const int64_t spans = (keys + count - 1) / count, work = heads * queries * width;
        const int64_t grain = std::max<int64_t>(1, kGrain / std::max<int64_t>(1, work));
        const T *from = slopes.const_data_ptr<T>(), *in = dense.const_data_ptr<T>();
        T *to = out.mutable_data_ptr<T>();
        torch::stable::parallel_for(0, images * spans, grain, [&](int64_t begin, int64_t end) {
            for (int64_t t = begin; t < end; ++t) {
                const int64_t image = t / spans, first = t % spans * count;
                legrad_keys(to + image * keys + first, from + image * work,
                            in + (image * heads * keys + first) * width, heads, queries, keys,
                            std::min(count, keys - first), width);
            }
        });
    });
    return out;
}

STABLE_TORCH_LIBRARY_IMPL(pyxai, CPU, library) {
    library.impl("legrad", TORCH_BOX(&legrad));
}

} // namespace pyxai
