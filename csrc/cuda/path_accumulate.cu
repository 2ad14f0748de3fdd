#include "common/cuda.h"
#include "kernels/path_accumulate.h"

namespace pyxai {

// A gather: every element of `total` sums the rows of its own image, in order. No atomics.
template <class A, class T>
__global__ void path_accumulate_kernel(A *total, const T *rows, const int64_t *index, const A *weight,
                                       int64_t count, int64_t images, int64_t size) {
    for_elements(images, size, [&](int64_t image, int64_t i, bool inside) {
        A sum = inside ? total[image * size + i] : A(0);
        for_rows_of(image, index, count, images, [&](int64_t r) {
            if (inside)
                path_accumulate(sum, rows[r * size + i], weight[r]);
        });
        if (inside)
            total[image * size + i] = sum;
    });
}

static void path_accumulate_(const Tensor &total, const Tensor &rows, const Tensor &index,
                             const Tensor &weight) {
    const int64_t count = index.numel(), images = total.size(0), size = row_size(total);
    const MemoryFormat format = memory_format(total);
    const Tensor sum = contiguous(total, format), values = contiguous(rows, format);
    const Tensor indices = contiguous(index), weights = contiguous(weight);
    if (values.numel() == 0)
        return;
    const Queue queue("path_accumulate_", total);
    dispatch_added(total, rows, "path_accumulate_", [&](auto wide, auto zero) {
        using A = decltype(wide);
        using T = decltype(zero);
        launch<path_accumulate_kernel<A, T>>(
            row_grid(images, size), kThreads, 0, queue, sum.mutable_data_ptr<A>(), values.const_data_ptr<T>(),
            indices.const_data_ptr<int64_t>(), weights.const_data_ptr<A>(), count, images, size);
    });
    copy_back(total, sum);
}

PYXAI_CUDA_OPERATORS(library) {
    library.impl("path_accumulate_", TORCH_BOX(&path_accumulate_));
}

} // namespace pyxai
