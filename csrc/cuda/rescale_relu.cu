#include "common/cuda.h"
#include "kernels/rescale_relu.h"

namespace pyxai {

template <class T>
__global__ void rescale_relu_kernel(T *out, RowsOf<T> multiplier, RowsOf<T> input, RowsOf<T> baseline,
                                    int64_t rows, int64_t size) {
    using A = accumulate_t<T>;
    for_elements(rows, size, [&](int64_t r, int64_t i, bool inside) {
        if (inside)
            out[r * size + i] = static_cast<T>(
                static_cast<A>(multiplier.row(r)[i]) *
                relu_slope(static_cast<A>(input.row(r)[i]), static_cast<A>(baseline.row(r)[i])));
    });
}

static void rescale_into(const Tensor &out, const Tensor &multiplier, const Tensor &input,
                         const Tensor &baseline) {
    const int64_t rows = out.size(0), size = row_size(out);
    const MemoryFormat format = memory_format(out);
    const Tensor m = contiguous(multiplier, format), x = contiguous(input, format);
    const Tensor x0 = contiguous(baseline, format);
    if (out.numel() == 0)
        return;
    const Queue queue("rescale_relu", out);
    dispatch_floating(out.scalar_type(), "rescale_relu", [&](auto zero) {
        using T = decltype(zero);
        launch<rescale_relu_kernel<T>>(row_grid(rows, size), kThreads, 0, queue, out.mutable_data_ptr<T>(),
                                       RowsOf<T>(m), RowsOf<T>(x), RowsOf<T>(x0), rows, size);
    });
}

static Tensor rescale_relu(const Tensor &multiplier, const Tensor &input, const Tensor &baseline) {
    const Tensor out = new_rows(input, multiplier.size(0));
    rescale_into(out, multiplier, input, baseline);
    return out;
}

static void rescale_relu_(const Tensor &input, const Tensor &multiplier, const Tensor &baseline) {
    const Tensor out = contiguous(input, memory_format(input));
    rescale_into(out, multiplier, out, baseline);
    copy_back(input, out);
}

PYXAI_CUDA_OPERATORS(library) {
    library.impl("rescale_relu", TORCH_BOX(&rescale_relu));
    library.impl("rescale_relu_", TORCH_BOX(&rescale_relu_));
}

} // namespace pyxai
