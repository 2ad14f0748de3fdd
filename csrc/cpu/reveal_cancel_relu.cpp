#include "kernels/reveal_cancel_relu.h"
#include "common/cpu.h"

namespace pyxai {

template <bool Spread, class T>
PYXAI_CLONES void reveal_cancel_relu_span(T *__restrict mean_out, T *__restrict spread_out, const T *mean,
                                          const T *spread, const T *input, const T *baseline,
                                          const T *magnitude, int64_t size) {
    using A = accumulate_t<T>;
    for (int64_t i = 0; i < size; ++i) {
        const Multipliers<A> below = reveal_cancel(
            static_cast<A>(mean[i]), Spread ? static_cast<A>(spread[i]) : A(0), static_cast<A>(input[i]),
            static_cast<A>(baseline[i]), static_cast<A>(magnitude[i]));
        mean_out[i] = static_cast<T>(below.mean);
        spread_out[i] = static_cast<T>(below.spread);
    }
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
    dispatch_floating(mean.scalar_type(), "reveal_cancel_relu", [&](auto zero) {
        using T = decltype(zero);
        const RowsOf<T> m(middle), s(half), end(x), start(x0), sizes(total);
        T *to_mean = mean_out.mutable_data_ptr<T>(), *to_spread = spread_out.mutable_data_ptr<T>();
        parallel_rows(rows, size, [&](int64_t r, int64_t first, int64_t length) {
            const auto span = spread ? reveal_cancel_relu_span<true, T> : reveal_cancel_relu_span<false, T>;
            const int64_t at = r * size + first;
            span(to_mean + at, to_spread + at, m.row(r) + first, s.row(r) + first, end.row(r) + first,
                 start.row(r) + first, sizes.row(r) + first, length);
        });
    });
    return {mean_out, spread_out};
}

STABLE_TORCH_LIBRARY_IMPL(pyxai, CPU, library) {
    library.impl("reveal_cancel_relu", TORCH_BOX(&reveal_cancel_relu));
}

} // namespace pyxai
