#include "common/cuda.h"
#include "kernels/reveal_cancel_relu.h"

namespace pyxai {

template <class T>
__global__ void reveal_cancel_relu_kernel(T *mean_out, T *spread_out, RowsOf<T> mean, RowsOf<T> spread,
                                          bool with_spread, RowsOf<T> input, RowsOf<T> baseline,
                                          RowsOf<T> magnitude, int64_t rows, int64_t size) {
    using A = accumulate_t<T>;
    for_elements(rows, size, [&](int64_t r, int64_t i, bool inside) {
        if (!inside)
            return;
        const Multipliers<A> below = reveal_cancel(
            static_cast<A>(mean.row(r)[i]), with_spread ? static_cast<A>(spread.row(r)[i]) : A(0),
            static_cast<A>(input.row(r)[i]), static_cast<A>(baseline.row(r)[i]),
            static_cast<A>(magnitude.row(r)[i]));
        mean_out[r * size + i] = static_cast<T>(below.mean);
        spread_out[r * size + i] = static_cast<T>(below.spread);
    });
}

static std::tuple<Tensor, Tensor> reveal_cancel_relu(const Tensor &mean, const std::optional<Tensor> &spread,
                                                     const Tensor &input, const Tensor &baseline,
                                                     const Tensor &magnitude) {
    const int64_t rows = mean.size(0), size = row_size(mean);
    const MemoryFormat format = memory_format(input);
    const Tensor middle = contiguous(mean, format), x = contiguous(input, format);
    const Tensor half = spread ? contiguous(*spread, format) : middle;
    const Tensor x0 = contiguous(baseline, format), total = contiguous(magnitude, format);
    Tensor mean_out = new_rows(input, rows), spread_out = new_rows(input, rows);
    if (mean_out.numel() == 0)
        return {mean_out, spread_out};
    const Queue queue("reveal_cancel_relu", mean);
    dispatch_floating(mean.scalar_type(), "reveal_cancel_relu", [&](auto zero) {
        using T = decltype(zero);
        launch<reveal_cancel_relu_kernel<T>>(row_grid(rows, size), kThreads, 0, queue,
                                             mean_out.mutable_data_ptr<T>(), spread_out.mutable_data_ptr<T>(),
                                             RowsOf<T>(middle), RowsOf<T>(half), spread.has_value(),
                                             RowsOf<T>(x), RowsOf<T>(x0), RowsOf<T>(total), rows, size);
    });
    return {mean_out, spread_out};
}

PYXAI_CUDA_OPERATORS(library) {
    library.impl("reveal_cancel_relu", TORCH_BOX(&reveal_cancel_relu));
}

} // namespace pyxai
