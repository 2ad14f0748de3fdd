#include "common/cuda.h"
#include "kernels/guided_relu.h"

namespace pyxai {

template <class T>
__global__ void guided_relu_kernel(T *value, RowsOf<T> signal, int64_t rows, int64_t size) {
    using A = accumulate_t<T>;
    for_elements(rows, size, [&](int64_t r, int64_t i, bool inside) {
        if (!inside)
            return;
        T &at = value[r * size + i];
        at = static_cast<T>(guided_signal(static_cast<A>(at), static_cast<A>(signal.row(r)[i])));
    });
}

static void guided_relu_(const Tensor &value, const Tensor &signal) {
    const MemoryFormat format = memory_format(value);
    const Tensor out = contiguous(value, format), back = contiguous(signal, format);
    const int64_t rows = out.size(0), size = row_size(out);
    if (out.numel() == 0)
        return;
    const Queue queue("guided_relu_", out);
    dispatch_floating(out.scalar_type(), "guided_relu_", [&](auto zero) {
        using T = decltype(zero);
        launch<guided_relu_kernel<T>>(row_grid(rows, size), kThreads, 0, queue, out.mutable_data_ptr<T>(),
                                      RowsOf<T>(back), rows, size);
    });
    copy_back(value, out);
}

PYXAI_CUDA_OPERATORS(library) {
    library.impl("guided_relu_", TORCH_BOX(&guided_relu_));
}

} // namespace pyxai
