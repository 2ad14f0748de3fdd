#include "kernels/path_points.h"
#include "common/cpu.h"

namespace pyxai {

template <class T>
PYXAI_CLONES void path_points_span(T *out, const T *start, const T *end, accumulate_t<T> alpha,
                                   int64_t size) {
    for (int64_t i = 0; i < size; ++i)
        out[i] = path_point(start[i], end[i], alpha);
}

static Tensor path_points(const Tensor &start, const Tensor &end, const Tensor &index, const Tensor &alpha) {
    const int64_t rows = index.numel(), images = end.size(0), size = row_size(end);
    const MemoryFormat format = memory_format(end);
    const Tensor from = contiguous(start, format), to = contiguous(end, format);
    const Tensor indices = contiguous(index), alphas = contiguous(alpha);
    Tensor out = new_rows(end, rows);
    const auto *image = indices.const_data_ptr<int64_t>();
    check_index(image, rows, images, "path_points");
    const int64_t from_stride = start.size(0) == 1 ? 0 : size;
    dispatch_floating(end.scalar_type(), "path_points", [&](auto zero) {
        using T = decltype(zero);
        const T *a = from.const_data_ptr<T>(), *b = to.const_data_ptr<T>();
        const auto *weight = alphas.const_data_ptr<accumulate_t<T>>();
        T *o = out.mutable_data_ptr<T>();
        parallel_spans(rows, size, kSpan, [&](int64_t r, int64_t first, int64_t length) {
            path_points_span(o + r * size + first, a + image[r] * from_stride + first,
                             b + image[r] * size + first, weight[r], length);
        });
    });
    return out;
}

STABLE_TORCH_LIBRARY_IMPL(pyxai, CPU, library) {
    library.impl("path_points", TORCH_BOX(&path_points));
}

} // namespace pyxai
