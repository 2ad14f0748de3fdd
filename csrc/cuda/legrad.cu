#include "common/cuda.h"
#include "kernels/legrad.h"

namespace pyxai {

// The sums over each tile of queries: a thread has a key, all threads of a block the same queries.
template <class T>
__global__ void legrad_tiles_kernel(accumulate_t<T> *sums, const T *gradient, const T *values, int64_t rows,
                                    int64_t tiles, int64_t queries, int64_t keys, int64_t width) {
    using A = accumulate_t<T>;
    for_elements(rows, keys, [&](int64_t row, int64_t key, bool inside) {
        if (!inside)
            return;
        const int64_t head = row / tiles, first = row % tiles * kLegradTile;
        const T *value = values + (head * keys + key) * width;
        const int64_t left = queries - first, count = left < kLegradTile ? left : kLegradTile;
        A sum = 0;
        add_tile<A>(sum, gradient + (head * queries + first) * width, count, width,
                    [&](int64_t k) { return static_cast<A>(value[k]); });
        sums[row * keys + key] = sum;
    });
}

// Adds up the tiles of all heads, in their order.
template <class T>
__global__ void legrad_kernel(T *out, const accumulate_t<T> *sums, int64_t images, int64_t tiles,
                              int64_t keys) {
    for_elements(images, keys, [&](int64_t image, int64_t key, bool inside) {
        if (!inside)
            return;
        accumulate_t<T> total = 0;
        for (int64_t t = 0; t < tiles; ++t)
            total += sums[(image * tiles + t) * keys + key];
        out[image * keys + key] = static_cast<T>(total);
    });
}

static Tensor legrad(const Tensor &gradient, const Tensor &values) {
    const Tensor slopes = contiguous(gradient), dense = contiguous(values);
    const int64_t images = values.size(0), heads = values.size(1), keys = values.size(2);
    const int64_t queries = gradient.size(2), width = values.size(3);
    Tensor out = torch::stable::new_empty(dense, {images, keys});
    if (out.numel() == 0)
        return out;
    const Queue queue("legrad", values);
    dispatch_floating(values.scalar_type(), "legrad", [&](auto zero) {
        using T = decltype(zero);
        using A = accumulate_t<T>;
        const int64_t tiles = (queries + kLegradTile - 1) / kLegradTile, rows = images * heads * tiles;
        const Tensor scratch =
            torch::stable::new_empty(dense, {rows, keys * static_cast<int64_t>(sizeof(A))}, ScalarType::Byte);
        auto *sums = static_cast<A *>(scratch.data_ptr());
        if (rows > 0)
            launch<legrad_tiles_kernel<T>>(row_grid(rows, keys), kThreads, 0, queue, sums,
                                           slopes.const_data_ptr<T>(), dense.const_data_ptr<T>(), rows, tiles,
                                           queries, keys, width);
        launch<legrad_kernel<T>>(row_grid(images, keys), kThreads, 0, queue, out.mutable_data_ptr<T>(), sums,
                                 images, heads * tiles, keys);
    });
    return out;
}

PYXAI_CUDA_OPERATORS(library) {
    library.impl("legrad", TORCH_BOX(&legrad));
}

} // namespace pyxai
