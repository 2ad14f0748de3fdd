#include "common/cuda.h"
#include "kernels/spectral_energy.h"

namespace pyxai {

template <class A, class T>
__global__ void smooth_rows_kernel(A *out, const T *field, const A *taps, int64_t size, int64_t rows,
                                   int64_t width, bool opencv) {
    for_elements(rows, width, [&](int64_t row, int64_t w, bool valid) {
        if (!valid)
            return;
        A sum = 0;
        for (int64_t k = 0; k < size; ++k) {
            const int64_t x = w - size / 2 + k;
            const A value = energy_of<A>(field + 2 * (row * width + inside(x, width, true)), opencv);
            sum += taps[k] * (opencv || (x >= 0 && x < width) ? value : A(0));
        }
        out[row * width + w] = sum;
    });
}

template <class A, class T>
__global__ void smooth_columns_kernel(T *out, const A *smooth, const A *taps, int64_t size, int64_t planes,
                                      int64_t height, int64_t width, bool opencv) {
    for_elements(planes, height * width, [&](int64_t plane, int64_t i, bool valid) {
        if (!valid)
            return;
        const int64_t h = i / width;
        A sum = 0;
        for (int64_t k = 0; k < size; ++k) {
            const int64_t y = h - size / 2 + k;
            const A value = smooth[(plane * height + inside(y, height, true)) * width + i % width];
            sum += taps[k] * (opencv || (y >= 0 && y < height) ? value : A(0));
        }
        out[plane * height * width + i] = static_cast<T>(energy_from(sum, opencv));
    });
}

static Tensor spectral_energy(const Tensor &field, const Tensor &taps, bool opencv) {
    const int64_t planes = field.size(0), height = field.size(1), width = field.size(2), size = taps.numel();
    const Tensor dense = contiguous(field), filter = contiguous(taps);
    Tensor out = torch::stable::new_empty(dense, {planes, height, width});
    if (out.numel() == 0)
        return out;
    const Queue queue("spectral_energy", field);
    const Tensor smooth = torch::stable::new_empty(dense, {planes, height, width}, taps.scalar_type());
    dispatch_floating(field.scalar_type(), "spectral_energy", [&](auto zero) {
        using T = decltype(zero);
        using A = accumulate_t<T>;
        A *rows = static_cast<A *>(smooth.data_ptr());
        const A *weights = filter.const_data_ptr<A>();
        launch<smooth_rows_kernel<A, T>>(row_grid(planes * height, width), kThreads, 0, queue, rows,
                                         dense.const_data_ptr<T>(), weights, size, planes * height, width,
                                         opencv);
        launch<smooth_columns_kernel<A, T>>(row_grid(planes, height * width), kThreads, 0, queue,
                                            out.mutable_data_ptr<T>(), rows, weights, size, planes, height,
                                            width, opencv);
    });
    return out;
}

PYXAI_CUDA_OPERATORS(library) {
    library.impl("spectral_energy", TORCH_BOX(&spectral_energy));
}

} // namespace pyxai
