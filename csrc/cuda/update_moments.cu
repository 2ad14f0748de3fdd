#include "common/cuda.h"
#include "kernels/update_moments.h"

namespace pyxai {

// A gather: every element of `mean` and `m2` takes in the rows of its own image, in order. No atomics.
template <class A, class T>
__global__ void update_moments_kernel(A *mean, A *m2, const int64_t *count, const T *rows,
                                      const int64_t *index, int64_t added, int64_t images, int64_t size) {
    for_elements(images, size, [&](int64_t image, int64_t i, bool inside) {
        int64_t n = count[image];
        A m = inside ? mean[image * size + i] : A(0), s = inside ? m2[image * size + i] : A(0);
        for_rows_of(image, index, added, images, [&](int64_t r) {
            ++n;
            if (inside)
                update_moments(m, s, rows[r * size + i], static_cast<A>(n));
        });
        if (inside) {
            mean[image * size + i] = m;
            m2[image * size + i] = s;
        }
    });
}

// Runs after update_moments_kernel on the same stream, which still reads the old counts.
__global__ void update_count_kernel(int64_t *count, const int64_t *index, int64_t added, int64_t images) {
    for_elements(images, 1, [&](int64_t image, int64_t i, bool inside) {
        int64_t n = 0;
        for_rows_of(image, index, added, images, [&](int64_t) { ++n; });
        if (inside)
            count[image] += n;
    });
}

static void update_moments_(const Tensor &mean, const Tensor &m2, const Tensor &count, const Tensor &rows,
                            const Tensor &index) {
    const int64_t added = index.numel(), images = mean.size(0), size = row_size(mean);
    const MemoryFormat format = memory_format(mean);
    const Tensor means = contiguous(mean, format), squares = contiguous(m2, format);
    const Tensor values = contiguous(rows, format), counts = contiguous(count), indices = contiguous(index);
    if (added == 0 || images == 0)
        return;
    const Queue queue("update_moments_", mean);
    const auto *image = indices.const_data_ptr<int64_t>();
    auto *n = counts.mutable_data_ptr<int64_t>();
    if (size > 0)
        dispatch_added(mean, rows, "update_moments_", [&](auto wide, auto zero) {
            using A = decltype(wide);
            using T = decltype(zero);
            launch<update_moments_kernel<A, T>>(row_grid(images, size), kThreads, 0, queue,
                                                means.mutable_data_ptr<A>(), squares.mutable_data_ptr<A>(), n,
                                                values.const_data_ptr<T>(), image, added, images, size);
        });
    launch<update_count_kernel>(row_grid(images, 1), 32, 0, queue, n, image, added, images);
    copy_back(mean, means);
    copy_back(m2, squares);
    copy_back(count, counts);
}

PYXAI_CUDA_OPERATORS(library) {
    library.impl("update_moments_", TORCH_BOX(&update_moments_));
}

} // namespace pyxai
