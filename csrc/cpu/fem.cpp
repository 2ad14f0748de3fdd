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
        const A greatest =
            greatest_in_lanes<A>(places, [&](int64_t p) { return std::fabs(static_cast<A>(plane[p])); });
        const A scale = A(1) / power_of_two(greatest), count = static_cast<A>(places);
        const A first = static_cast<A>(*plane) * scale;
        const A sum = sum_in_lanes<A>(
            places, [&](int64_t p) { return fem_value(static_cast<A>(plane[p]), scale, first); });
        const A mean = sum / count;
        const A squares = sum_in_lanes<A>(
            places, [&](int64_t p) { return fem_square(static_cast<A>(plane[p]), scale, first, mean); });
        return fem_channel(scale, first, mean, squares, count, k, weighted);
    }

    void operator()(FemChannel<A> *to, int64_t at, int64_t columns) const {
        A scale[kColumns], first[kColumns], mean[kColumns], squares[kColumns];
        column_magnitudes(scale, values + at, places, size, columns);
        for (int64_t c = 0; c < columns; ++c) {
            scale[c] = A(1) / power_of_two(scale[c]);
            first[c] = static_cast<A>(values[at + c]) * scale[c];
        }
        column_sums(mean, values + at, places, size, columns, FromFirst{scale, first});
        for (int64_t c = 0; c < columns; ++c)
            mean[c] /= static_cast<A>(places);
        column_sums(squares, values + at, places, size, columns, Square{scale, first, mean});
        for (int64_t c = 0; c < columns; ++c)
            to[c] = fem_channel(scale[c], first[c], mean[c], squares[c], static_cast<A>(places), k, weighted);
    }

    struct FromFirst {
        const A *scale, *first;
        PYXAI_HD A operator()(A value, int64_t c) const { return fem_value(value, scale[c], first[c]); }
    };

    struct Square {
        const A *scale, *first, *mean;
        PYXAI_HD A operator()(A value, int64_t c) const {
            return fem_square(value, scale[c], first[c], mean[c]);
        }
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
