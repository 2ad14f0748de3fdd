#include "kernels/fem.h"
#include "common/channel_sums.h"

namespace pyxai {

// The channels of an image whose values begin at `values`, as far as `sum_channels` asks for them.
template <class T>
struct FemChannels {
    using A = accumulate_t<T>;
    const T *values;
    int64_t places, size;
    A k;
    bool weighted;

    FemChannels image(int64_t at) const { return {values + at, places, size, k, weighted}; }

    PYXAI_HD FemChannel<A> operator()(int64_t at) const {
        const T *plane = values + at;
        const A first = static_cast<A>(*plane), count = static_cast<A>(places);
        const A sum = sum_in_lanes<A>(places, [&](int64_t p) { return static_cast<A>(plane[p]) - first; });
        const A mean = sum / count;
        const A squares = sum_in_lanes<A>(
            places, [&](int64_t p) { return fem_square(static_cast<A>(plane[p]), first, mean); });
        return fem_channel(first, mean, squares, count, k, weighted);
    }

    void operator()(FemChannel<A> *to, int64_t at, int64_t columns) const {
        A first[kColumns], mean[kColumns], squares[kColumns];
        for (int64_t c = 0; c < columns; ++c)
            first[c] = static_cast<A>(values[at + c]);
        column_sums(mean, values + at, places, size, columns, FromFirst{first});
        for (int64_t c = 0; c < columns; ++c)
            mean[c] /= static_cast<A>(places);
        column_sums(squares, values + at, places, size, columns, Square{first, mean});
        for (int64_t c = 0; c < columns; ++c)
            to[c] = fem_channel(first[c], mean[c], squares[c], static_cast<A>(places), k, weighted);
    }

    struct FromFirst {
        const A *first;
        PYXAI_HD A operator()(A value, int64_t c) const { return value - first[c]; }
    };

    struct Square {
        const A *first, *mean;
        PYXAI_HD A operator()(A value, int64_t c) const { return fem_square(value, first[c], mean[c]); }
    };
};

static Tensor fem(const Tensor &values, double k, bool strict, bool weighted) {
    const Tensor dense = contiguous(values, memory_format(values));
    Tensor out = torch::stable::new_empty(dense, {values.size(0), values.size(2), values.size(3)});
    if (out.numel() == 0)
        return out;
    dispatch_floating(values.scalar_type(), "fem", [&](auto zero) {
        using T = decltype(zero);
        using A = accumulate_t<T>;
        const T *in = dense.const_data_ptr<T>();
        sum_channels(
            out.mutable_data_ptr<T>(), in, dense, FemMark<A>{strict},
            FemChannels<T>{in, values.size(2) * values.size(3), values.size(1), static_cast<A>(k), weighted});
    });
    return out;
}

STABLE_TORCH_LIBRARY_IMPL(pyxai, CPU, library) {
    library.impl("fem", TORCH_BOX(&fem));
}

} // namespace pyxai
