#include "common/cuda.h"
#include "kernels/path_points.h"

namespace pyxai {

template <class T>
__global__ void path_points_kernel(T *out, const T *start, int64_t start_stride, const T *end,
                                   const int64_t *index, const accumulate_t<T> *alpha, int64_t rows,
                                   int64_t images, int64_t size) {
    const int64_t first = blockIdx.x * static_cast<int64_t>(blockDim.x) + threadIdx.x;
    const int64_t step = gridDim.x * static_cast<int64_t>(blockDim.x);
    for (int64_t r = blockIdx.y; r < rows; r += gridDim.y) {
        const int64_t image = index[r];
        assert(image >= 0 && image < images);
        for (int64_t i = first; i < size; i += step)
            out[r * size + i] = path_point(start[image * start_stride + i], end[image * size + i], alpha[r]);
    }
}

static Tensor path_points(const Tensor &start, const Tensor &end, const Tensor &index, const Tensor &alpha) {
    const int64_t rows = index.numel(), images = end.size(0), size = row_size(end);
    const MemoryFormat format = memory_format(end);
    const Tensor from = contiguous(start, format), to = contiguous(end, format);
    const Tensor indices = contiguous(index), alphas = contiguous(alpha);
    Tensor out = new_rows(end, rows);
    if (out.numel() == 0)
        return out;
    const Queue queue("path_points", end);
    dispatch_floating(end.scalar_type(), "path_points", [&](auto zero) {
        using T = decltype(zero);
        launch<path_points_kernel<T>>(row_grid(rows, size), kThreads, 0, queue, out.mutable_data_ptr<T>(),
                                      from.const_data_ptr<T>(), start.size(0) == 1 ? 0 : size,
                                      to.const_data_ptr<T>(), indices.const_data_ptr<int64_t>(),
                                      alphas.const_data_ptr<accumulate_t<T>>(), rows, images, size);
    });
    return out;
}

PYXAI_CUDA_OPERATORS(library) {
    library.impl("path_points", TORCH_BOX(&path_points));
}

} // namespace pyxai
