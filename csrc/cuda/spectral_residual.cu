#include "common/cuda.h"
#include "kernels/spectral_residual.h"

namespace pyxai {

template <class A, class T>
__global__ void log_kernel(A *log, const T *spectrum, Raise<A> raise, int64_t size) {
    for_elements(1, size, [&](int64_t, int64_t i, bool inside) {
        if (inside)
            log[i] = log_of(raise(amplitude_of<A>(spectrum + 2 * i)));
    });
}

// Where the coefficient (h, w) of the whole plane, or its mirror image, lies in the half.
__device__ __forceinline__ int64_t half_place(int64_t h, int64_t w, int64_t height, int64_t width,
                                              int64_t half) {
    return w < half ? h * half + w : (h == 0 ? 0 : height - h) * half + width - w;
}

template <class A, class T>
__global__ void residual_kernel(T *out, const T *spectrum, const A *log, int64_t planes, int64_t height,
                                int64_t width, int64_t half, bool opencv) {
    for_elements(planes, height * width, [&](int64_t plane, int64_t i, bool valid) {
        if (!valid)
            return;
        const int64_t h = i / width, w = i % width, start = plane * height * half;
        A mean = 0;
        for (int64_t x = w - 1; x <= w + 1; ++x) {
            A column = 0;
            for (int64_t y = h - 1; y <= h + 1; ++y)
                column += log[start + half_place(inside(y, height, opencv), inside(x, width, opencv), height,
                                                 width, half)];
            mean += column;
        }
        const int64_t at = start + half_place(h, w, height, width, half);
        const T *from = spectrum + 2 * at;
        const A amplitude = amplitude_of<A>(from), scale = residual_scale(amplitude, log[at], mean / 9);
        const A imaginary = static_cast<A>(from[1]) * scale;
        T *to = out + 2 * (plane * height * width + i);
        to[0] = static_cast<T>(scaled_real(static_cast<A>(from[0]), amplitude, scale));
        to[1] = static_cast<T>(w < half ? imaginary : -imaginary);
    });
}

static Tensor spectral_residual(const Tensor &spectrum, int64_t width, bool opencv) {
    const int64_t planes = spectrum.size(0), height = spectrum.size(1), half = spectrum.size(2);
    const Tensor dense = contiguous(spectrum);
    Tensor out = torch::stable::new_empty(dense, {planes, height, width, 2});
    if (out.numel() == 0)
        return out;
    const Queue queue("spectral_residual", spectrum);
    const bool wide = spectrum.scalar_type() == ScalarType::Double;
    const Tensor logs = torch::stable::new_empty(dense, {planes, height, half},
                                                 wide ? ScalarType::Double : ScalarType::Float);
    dispatch_floating(spectrum.scalar_type(), "spectral_residual", [&](auto zero) {
        using T = decltype(zero);
        using A = accumulate_t<T>;
        const T *in = dense.const_data_ptr<T>();
        A *log = static_cast<A *>(logs.data_ptr());
        launch<log_kernel<A, T>>(row_grid(1, planes * height * half), kThreads, 0, queue, log, in,
                                 Raise<A>(opencv), planes * height * half);
        launch<residual_kernel<A, T>>(row_grid(planes, height * width), kThreads, 0, queue,
                                      out.mutable_data_ptr<T>(), in, log, planes, height, width, half,
                                      opencv);
    });
    return out;
}

PYXAI_CUDA_OPERATORS(library) {
    library.impl("spectral_residual", TORCH_BOX(&spectral_residual));
}

} // namespace pyxai
