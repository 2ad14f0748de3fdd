#include "kernels/rescale_relu.h"
#include "common/cpu.h"

namespace pyxai {

// `out` may be the input.
template <class T>
PYXAI_CLONES void rescale_relu_span(T *out, const T *multiplier, const T *input, const T *baseline,
                                    int64_t size) {
    using A = accumulate_t<T>;
    PYXAI_IN_STEP
    for (int64_t i = 0; i < size; ++i)
        out[i] = static_cast<T>(static_cast<A>(multiplier[i]) *
                                relu_slope(static_cast<A>(input[i]), static_cast<A>(baseline[i])));
}

static void rescale_into(const Tensor &out, const Tensor &multiplier, const Tensor &input,
                         const Tensor &baseline) {
    const int64_t rows = out.size(0), size = row_size(out);
    const MemoryFormat format = memory_format(out);
    const Tensor m = contiguous(multiplier, format), x = contiguous(input, format);
    const Tensor x0 = contiguous(baseline, format);
    dispatch_floating(out.scalar_type(), "rescale_relu", [&](auto zero) {
        using T = decltype(zero);
        const RowsOf<T> above(m), end(x), start(x0);
        T *o = out.mutable_data_ptr<T>();
        parallel_rows(rows, size, [&](int64_t r, int64_t first, int64_t length) {
            rescale_relu_span(o + r * size + first, above.row(r) + first, end.row(r) + first,
                              start.row(r) + first, length);
        });
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

STABLE_TORCH_LIBRARY_IMPL(pyxai, CPU, library) {
    library.impl("rescale_relu", TORCH_BOX(&rescale_relu));
    library.impl("rescale_relu_", TORCH_BOX(&rescale_relu_));
}

} // namespace pyxai
