#include "kernels/path_accumulate.h"
#include "common/cpu.h"

namespace pyxai {

// Adds `Rows` rows of one image, `stride` apart, reading and writing the sum once.
template <int Rows, class A, class T>
PYXAI_CLONES void path_accumulate_span(A *total, const T *row, int64_t stride, const A *weight,
                                       int64_t size) {
    for (int64_t i = 0; i < size; ++i) {
        A sum = total[i];
        for (int r = 0; r < Rows; ++r)
            path_accumulate(sum, row[r * stride + i], weight[r]);
        total[i] = sum;
    }
}

// Whether rows r … r+3 belong to one image.
static bool four_of_one(const int64_t *image, int64_t r, int64_t count) {
    return r + 4 <= count && image[r] == image[r + 1] && image[r] == image[r + 2] && image[r] == image[r + 3];
}

static void path_accumulate_(const Tensor &total, const Tensor &rows, const Tensor &index,
                             const Tensor &weight) {
    const int64_t count = index.numel(), images = total.size(0), size = row_size(total);
    const MemoryFormat format = memory_format(total);
    const Tensor sum = contiguous(total, format), values = contiguous(rows, format);
    const Tensor indices = contiguous(index), weights = contiguous(weight);
    const auto *image = indices.const_data_ptr<int64_t>();
    check_index(image, count, images, "path_accumulate_");
    dispatch_added(total, rows, "path_accumulate_", [&](auto wide, auto zero) {
        using A = decltype(wide);
        using T = decltype(zero);
        A *s = sum.mutable_data_ptr<A>();
        const T *v = values.const_data_ptr<T>();
        const A *w = weights.const_data_ptr<A>();
        parallel_columns(count, size, [&](int64_t first, int64_t length) {
            for (int64_t r = 0; r < count;) {
                A *target = s + image[r] * size + first;
                const T *row = v + r * size + first;
                if (four_of_one(image, r, count)) {
                    path_accumulate_span<4>(target, row, size, w + r, length);
                    r += 4;
                } else {
                    path_accumulate_span<1>(target, row, size, w + r, length);
                    r += 1;
                }
            }
        });
    });
    copy_back(total, sum);
}

STABLE_TORCH_LIBRARY_IMPL(pyxai, CPU, library) {
    library.impl("path_accumulate_", TORCH_BOX(&path_accumulate_));
}

} // namespace pyxai
