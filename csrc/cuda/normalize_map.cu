#include "common/cuda.h"
#include "common/extents.h"
#include "kernels/normalize_map.h"

namespace pyxai {

// A block takes a map.
template <class T>
__global__ void normalize_map_kernel(T *out, const T *maps, int64_t rows, int64_t size, bool relu,
                                     Range range) {
    using A = accumulate_t<T>;
    const A floor = floor_of<A>(relu);
    auto *extents = dynamic_shared<Extent<A>>();
    for (int64_t row = blockIdx.x; row < rows; row += gridDim.x) {
        const T *map = maps + row * size;
        Extent<A> own{rectified(map[0], floor), rectified(map[0], floor)};
        for (int64_t i = threadIdx.x; range != Range::none && i < size; i += kThreads) {
            const A value = rectified(map[i], floor);
            own = {lesser(own.least, value), greater(own.greatest, value)};
        }
        extents[threadIdx.x] = own;
        for (unsigned half = kThreads / 2; half > 0; half /= 2) {
            __syncthreads();
            if (threadIdx.x < half) {
                Extent<A> &mine = extents[threadIdx.x], &other = extents[threadIdx.x + half];
                mine = {lesser(mine.least, other.least), greater(mine.greatest, other.greatest)};
            }
        }
        __syncthreads();
        const Scaling<A> scaled = extents[0].within(range);
        __syncthreads();
        for (int64_t i = threadIdx.x; i < size; i += kThreads)
            out[row * size + i] = static_cast<T>(scaled(rectified(map[i], floor)));
    }
}

static Tensor normalize_map(const Tensor &maps, bool relu, std::string range) {
    const int64_t rows = maps.size(0), size = maps.size(1);
    const Tensor dense = contiguous(maps), out = new_rows(dense, rows);
    if (out.numel() == 0)
        return out;
    const Queue queue("normalize_map", maps);
    const Range of = range_named(range);
    dispatch_floating(maps.scalar_type(), "normalize_map", [&](auto zero) {
        using T = decltype(zero);
        launch<normalize_map_kernel<T>>(grid_of(rows), kThreads, kThreads * sizeof(Extent<accumulate_t<T>>),
                                        queue, out.mutable_data_ptr<T>(), dense.const_data_ptr<T>(), rows,
                                        size, relu, of);
    });
    return out;
}

PYXAI_CUDA_OPERATORS(library) {
    library.impl("normalize_map", TORCH_BOX(&normalize_map));
}

} // namespace pyxai
