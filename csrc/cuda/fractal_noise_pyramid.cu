#include "common/cuda.h"
#include "common/fourier.h"
#include "common/philox.h"
#include "kernels/fractal_noise_pyramid.h"
#include "kernels/normal_noise.h"

namespace pyxai {

template <class A>
struct Complex {
    A real, imaginary;
};

// Number k of a stream of complex ones, two of the four words that a counter gives, times an amplitude.
template <class A>
__device__ __forceinline__ Complex<A> complex_normal(const Stream &stream, int64_t k, A amplitude) {
    const Words words = stream.words(static_cast<uint32_t>(k / 2));
    return {static_cast<A>(Normal::value(k % 2 ? words.w[2] : words.w[0])) * amplitude,
            static_cast<A>(Normal::value(k % 2 ? words.w[3] : words.w[1])) * amplitude};
}

// The spectra of one row.
template <class A>
__global__ void spectra_kernel(Complex<A> *spectra, const A *amplitudes, const int64_t *id,
                               const int64_t *draw, uint64_t seed, int64_t levels, int64_t channels,
                               int64_t height, int64_t width, bool shared) {
    const Stream stream{seed, static_cast<uint64_t>(*id), static_cast<uint32_t>(*draw)};
    const int64_t half = width / 2 + 1, size = height * half;
    for_elements(levels * channels, size, [&](int64_t plane, int64_t place, bool inside) {
        if (!inside)
            return;
        const int64_t row = place / half, column = place % half;
        const int64_t first = (shared ? plane % channels : plane) * size;
        const A *amplitude = amplitudes + plane / channels * size;
        Complex<A> number = complex_normal(stream, first + place, amplitude[place]);
        if (own_mirror(column, width)) {
            const int64_t other = mirrored_row(row, height) * half + column;
            const Complex<A> mirrored = complex_normal(stream, first + other, amplitude[other]);
            number = {symmetric_real(number.real, mirrored.real),
                      symmetric_imaginary(number.imaginary, mirrored.imaginary)};
        }
        spectra[plane * size + place] = number;
    });
}

template <class A, class T>
__global__ void picture_kernel(T *out, const A *planes, const A *mixing, int64_t levels, int64_t channels,
                               int64_t pixels) {
    for_elements(levels * channels, pixels, [&](int64_t plane, int64_t pixel, bool inside) {
        if (!inside)
            return;
        const A *from = planes + plane / channels * channels * pixels + pixel;
        const A *weights = mixing + plane % channels * channels;
        A sum = weights[0] * from[0];
        for (int64_t c = 1; c < channels; ++c)
            sum += weights[c] * from[c * pixels];
        out[plane * pixels + pixel] = static_cast<T>(sigmoid(sum));
    });
}

static Tensor fractal_noise_pyramid(const Tensor &ids, const Tensor &draws, const Tensor &amplitudes,
                                    const Tensor &mixing, int64_t seed, int64_t width, bool shared,
                                    ScalarType dtype) {
    const int64_t rows = ids.numel(), levels = amplitudes.size(0), height = amplitudes.size(1);
    const int64_t channels = mixing.size(0), pixels = height * width, half = height * (width / 2 + 1);
    Tensor out =
        torch::stable::empty({rows, levels, channels, height, width}, dtype, std::nullopt, ids.device());
    const Tensor id = contiguous(ids), draw = contiguous(draws), scales = contiguous(amplitudes),
                 weights = contiguous(mixing);
    if (out.numel() == 0)
        return out;
    const Queue queue("fractal_noise_pyramid", ids);
    dispatch_floating(dtype, "fractal_noise_pyramid", [&](auto zero) {
        using T = decltype(zero);
        using A = accumulate_t<T>;
        const Tensor spectra = new_spectra<A>(ids, levels * channels, height, width);
        // One row at a time, so that no other row can change the algorithm that transforms it.
        for (int64_t r = 0; r < rows; ++r) {
            launch<spectra_kernel<A>>(row_grid(levels * channels, half), kThreads, 0, queue,
                                      static_cast<Complex<A> *>(spectra.data_ptr()),
                                      scales.const_data_ptr<A>(), id.const_data_ptr<int64_t>() + r,
                                      draw.const_data_ptr<int64_t>() + r, static_cast<uint64_t>(seed), levels,
                                      channels, height, width, shared);
            const Tensor planes = inverse_transform(spectra, width);
            launch<picture_kernel<A, T>>(row_grid(levels * channels, pixels), kThreads, 0, queue,
                                         out.mutable_data_ptr<T>() + r * levels * channels * pixels,
                                         planes.const_data_ptr<A>(), weights.const_data_ptr<A>(), levels,
                                         channels, pixels);
        }
    });
    return out;
}

PYXAI_CUDA_OPERATORS(library) {
    library.impl("fractal_noise_pyramid", TORCH_BOX(&fractal_noise_pyramid));
}

} // namespace pyxai
