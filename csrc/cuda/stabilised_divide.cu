#include "common/cuda.h"
#include "kernels/stabilised_divide.h"

namespace pyxai {

template <class T>
__global__ void stabilised_divide_kernel(T *out, RowsOf<T> numerator, RowsOf<T> denominator, RowsOf<T> factor,
                                         bool multiply, accumulate_t<T> epsilon, int64_t rows, int64_t size) {
    using A = accumulate_t<T>;
    for_elements(rows, size, [&](int64_t r, int64_t i, bool inside) {
        if (!inside)
            return;
        const A over = static_cast<A>(numerator.row(r)[i]);
        const A by = multiply ? static_cast<A>(factor.row(r)[i]) : A(1);
        out[r * size + i] =
            static_cast<T>(stable_quotient(over * by, static_cast<A>(denominator.row(r)[i]), epsilon));
    });
}

static Tensor stabilised_divide(const Tensor &numerator, const Tensor &denominator,
                                const std::optional<Tensor> &factor, double epsilon) {
    const int64_t rows = numerator.size(0), size = row_size(numerator);
    const MemoryFormat format = memory_format(denominator);
    const Tensor over = contiguous(numerator, format), under = contiguous(denominator, format);
    const Tensor by = factor ? contiguous(*factor, format) : under;
    Tensor out = new_rows(denominator, rows);
    if (out.numel() == 0)
        return out;
    const torch::stable::accelerator::DeviceGuard guard(out.get_device_index());
    const cudaStream_t stream = current_stream(out.get_device_index());
    dispatch_floating(out.scalar_type(), "stabilised_divide", [&](auto zero) {
        using T = decltype(zero);
        stabilised_divide_kernel<<<row_grid(rows, size), kThreads, 0, stream>>>(
            out.mutable_data_ptr<T>(), RowsOf<T>(over), RowsOf<T>(under), RowsOf<T>(by), factor.has_value(),
            static_cast<accumulate_t<T>>(epsilon), rows, size);
    });
    check_launch("stabilised_divide");
    return out;
}

STABLE_TORCH_LIBRARY_IMPL(pyxai, CUDA, library) {
    library.impl("stabilised_divide", TORCH_BOX(&stabilised_divide));
}

} // namespace pyxai
