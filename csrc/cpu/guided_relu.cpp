#include "kernels/guided_relu.h"
#include "common/cpu.h"

namespace pyxai {

template <class T>
PYXAI_CLONES void guided_relu_span(T *value, const T *signal, int64_t size) {
    using A = accumulate_t<T>;
    PYXAI_IN_STEP
    for (int64_t i = 0; i < size; ++i)
        value[i] = static_cast<T>(guided_signal(static_cast<A>(value[i]), static_cast<A>(signal[i])));
}

static void guided_relu_(const Tensor &value, const Tensor &signal) {
    const MemoryFormat format = memory_format(value);
    const Tensor out = contiguous(value, format), back = contiguous(signal, format);
    const int64_t rows = out.size(0), size = row_size(out);
    dispatch_floating(out.scalar_type(), "guided_relu_", [&](auto zero) {
        using T = decltype(zero);
        const RowsOf<T> above(back);
        T *o = out.mutable_data_ptr<T>();
        parallel_rows(rows, size, [&](int64_t r, int64_t first, int64_t length) {
            guided_relu_span(o + r * size + first, above.row(r) + first, length);
        });
    });
    copy_back(value, out);
}

STABLE_TORCH_LIBRARY_IMPL(pyxai, CPU, library) {
    library.impl("guided_relu_", TORCH_BOX(&guided_relu_));
}

} // namespace pyxai
