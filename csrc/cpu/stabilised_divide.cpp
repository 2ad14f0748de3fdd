#include "kernels/stabilised_divide.h"
#include "common/cpu.h"

namespace pyxai {

// `out` may be the denominator, which may be the factor.
template <class T>
PYXAI_CLONES void divide_span(T *out, const T *numerator, const T *denominator, accumulate_t<T> epsilon,
                              int64_t size) {
    using A = accumulate_t<T>;
    PYXAI_IN_STEP
    for (int64_t i = 0; i < size; ++i)
        out[i] = static_cast<T>(
            stable_quotient(static_cast<A>(numerator[i]), static_cast<A>(denominator[i]), epsilon));
}

template <class T>
PYXAI_CLONES void multiply_divide_span(T *out, const T *numerator, const T *denominator, const T *factor,
                                       accumulate_t<T> epsilon, int64_t size) {
    using A = accumulate_t<T>;
    PYXAI_IN_STEP
    for (int64_t i = 0; i < size; ++i)
        out[i] = static_cast<T>(stable_quotient(static_cast<A>(numerator[i]) * static_cast<A>(factor[i]),
                                                static_cast<A>(denominator[i]), epsilon));
}

static void divide_into(const Tensor &out, const Tensor &numerator, const Tensor &denominator,
                        const std::optional<Tensor> &factor, double epsilon) {
    const int64_t rows = out.size(0), size = row_size(out);
    const MemoryFormat format = memory_format(out);
    const Tensor over = contiguous(numerator, format), under = contiguous(denominator, format);
    const Tensor by = factor ? contiguous(*factor, format) : under;
    dispatch_floating(out.scalar_type(), "stabilised_divide", [&](auto zero) {
        using T = decltype(zero);
        const RowsOf<T> n(over), z(under), f(by);
        const auto stabiliser = static_cast<accumulate_t<T>>(epsilon);
        T *o = out.mutable_data_ptr<T>();
        parallel_rows(rows, size, [&](int64_t r, int64_t first, int64_t length) {
            T *to = o + r * size + first;
            if (factor)
                multiply_divide_span(to, n.row(r) + first, z.row(r) + first, f.row(r) + first, stabiliser,
                                     length);
            else
                divide_span(to, n.row(r) + first, z.row(r) + first, stabiliser, length);
        });
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

STABLE_TORCH_LIBRARY_IMPL(pyxai, CPU, library) {
    library.impl("stabilised_divide", TORCH_BOX(&stabilised_divide));
    library.impl("stabilised_divide_", TORCH_BOX(&stabilised_divide_));
}

} // namespace pyxai
