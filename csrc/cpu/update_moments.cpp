#include "kernels/update_moments.h"
#include "common/cpu.h"

namespace pyxai {

template <class A, class T>
PYXAI_CLONES void update_moments_span(A *mean, A *m2, const T *row, A count, int64_t size) {
    for (int64_t i = 0; i < size; ++i)
        update_moments(mean[i], m2[i], row[i], count);
}

static void update_moments_(const Tensor &mean, const Tensor &m2, const Tensor &count, const Tensor &rows,
                            const Tensor &index) {
    const int64_t added = index.numel(), images = mean.size(0), size = row_size(mean);
    const MemoryFormat format = memory_format(mean);
    const Tensor means = contiguous(mean, format), squares = contiguous(m2, format);
    const Tensor values = contiguous(rows, format), counts = contiguous(count), indices = contiguous(index);
    const auto *image = indices.const_data_ptr<int64_t>();
    check_index(image, added, images, "update_moments_");
    // The count each row sees, so that threads need not share a running one.
    auto *n = counts.mutable_data_ptr<int64_t>();
    std::vector<int64_t> seen(added);
    for (int64_t r = 0; r < added; ++r)
        seen[r] = ++n[image[r]];
    dispatch_added(mean, rows, "update_moments_", [&](auto wide, auto zero) {
        using A = decltype(wide);
        using T = decltype(zero);
        A *m = means.mutable_data_ptr<A>(), *s = squares.mutable_data_ptr<A>();
        const T *v = values.const_data_ptr<T>();
        parallel_columns(added, size, [&](int64_t first, int64_t length) {
            for (int64_t r = 0; r < added; ++r) {
                const int64_t at = image[r] * size + first;
                update_moments_span(m + at, s + at, v + r * size + first, static_cast<A>(seen[r]), length);
            }
        });
    });
    copy_back(mean, means);
    copy_back(m2, squares);
    copy_back(count, counts);
}

STABLE_TORCH_LIBRARY_IMPL(pyxai, CPU, library) {
    library.impl("update_moments_", TORCH_BOX(&update_moments_));
}

} // namespace pyxai
