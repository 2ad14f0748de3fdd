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

static void divide_into(const Tensor &out, const Tensor &numerator, const Tensor &denominator,
                        const std::optional<Tensor> &factor, double epsilon) {
    const int64_t rows = out.size(0), size = row_size(out);
    const MemoryFormat format = memory_format(out);
    const Tensor over = contiguous(numerator, format), under = contiguous(denominator, format);
    const Tensor by = factor ? contiguous(*factor, format) : under;
    if (out.numel() == 0)
        return;
    const Queue queue("stabilised_divide", out);
    dispatch_floating(out.scalar_type(), "stabilised_divide", [&](auto zero) {
        using T = decltype(zero);
        launch<stabilised_divide_kernel<T>>(row_grid(rows, size), kThreads, 0, queue,
                                            out.mutable_data_ptr<T>(), RowsOf<T>(over), RowsOf<T>(under),
                                            RowsOf<T>(by), factor.has_value(),
                                            static_cast<accumulate_t<T>>(epsilon), rows, size);
    });
}

static Tensor stabilised_divide(const Tensor &numerator, const Tensor &denominator,
                                const std::optional<Tensor> &factor, double epsilon) {
    const Tensor out = new_rows(denominator, numerator.size(0));
    divide_into(out, numerator, denominator, factor, epsilon);
    return out;
}

static void stabilised_divide_(const Tensor &denominator, const Tensor &numerator,
                               const std::optional<Tensor> &factor, double epsilon) {
    const Tensor out = contiguous(denominator, memory_format(denominator));
    divide_into(out, numerator, out, factor, epsilon);
    copy_back(denominator, out);
}

PYXAI_CUDA_OPERATORS(library) {
    library.impl("stabilised_divide", TORCH_BOX(&stabilised_divide));
    library.impl("stabilised_divide_", TORCH_BOX(&stabilised_divide_));
}

} // namespace pyxai
