#include "kernels/path_accumulate.h"
#include "common/cpu.h"

namespace pyxai {

template <class A, class T>
PYXAI_CLONES void path_accumulate_span(A *total, const T *row, A weight, int64_t size) {
    for (int64_t i = 0; i < size; ++i)
        path_accumulate(total[i], row[i], weight);
}

static void path_accumulate_(const Tensor &total, const Tensor &rows, const Tensor &index,
                             const Tensor &weight) {
    const int64_t count = index.numel(), images = total.size(0), size = row_size(total);
    const MemoryFormat format = memory_format(total);
    const Tensor sum = contiguous(total, format), values = contiguous(rows, format);
    const Tensor indices = contiguous(index), weights = contiguous(weight);
    const auto *image = indices.const_data_ptr<int64_t>();
    check_index(image, count, images, "path_accumulate_");
    dispatch_accumulate(total.scalar_type(), "path_accumulate_", [&](auto accumulate_zero) {
        dispatch_floating(rows.scalar_type(), "path_accumulate_", [&](auto zero) {
            using A = decltype(accumulate_zero);
            using T = decltype(zero);
            A *s = sum.mutable_data_ptr<A>();
            const T *v = values.const_data_ptr<T>();
            const A *w = weights.const_data_ptr<A>();
            parallel_columns(count, size, [&](int64_t first, int64_t last) {
                for (int64_t r = 0; r < count; ++r)
                    path_accumulate_span(s + image[r] * size + first, v + r * size + first, w[r],
                                         last - first);
            });
        });
    });
    copy_back(total, sum);
}

STABLE_TORCH_LIBRARY_IMPL(pyxai, CPU, library) {
    library.impl("path_accumulate_", TORCH_BOX(&path_accumulate_));
}

} // namespace pyxai
