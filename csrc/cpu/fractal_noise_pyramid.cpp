#include "kernels/fractal_noise_pyramid.h"
#include "common/cpu.h"
#include "common/fourier.h"
#include "common/noise_tile.h"
#include "kernels/normal_noise.h"

namespace pyxai {

// `size` normal numbers, which begin at element `first` of the stream.
template <class A>
PYXAI_CLONES void draw_numbers(A *numbers, const Stream &stream, int64_t first, int64_t size) {
    for (int64_t at = 0; at < size; at += kTile) {
        float buffer[kTile + 8];
        const int64_t length = std::min(kTile, size - at);
        const float *noise = noise_tile<Normal>(buffer, stream, first + at, length);
        for (int64_t i = 0; i < length; ++i)
            numbers[at + i] = static_cast<A>(noise[i]);
    }
}

// May write where it reads.
template <class A>
PYXAI_CLONES void scale_spectrum(A *out, const A *spectrum, const A *amplitude, int64_t size) {
    PYXAI_IN_STEP
    for (int64_t i = 0; i < size; ++i) {
        out[2 * i] = spectrum[2 * i] * amplitude[i];
        out[2 * i + 1] = spectrum[2 * i + 1] * amplitude[i];
    }
}

// Columns that are their own mirror image as the transform of real values has them.
template <class A>
void make_symmetric(A *spectrum, int64_t height, int64_t width) {
    const int64_t half = width / 2 + 1;
    for (int64_t column = 0; column < half; ++column) {
        if (!own_mirror(column, width))
            continue;
        for (int64_t row = 0; row <= height / 2; ++row) {
            A *one = spectrum + 2 * (row * half + column);
            A *other = spectrum + 2 * (mirrored_row(row, height) * half + column);
            const A real = symmetric_real(one[0], other[0]);
            const A imaginary = symmetric_imaginary(one[1], other[1]);
            one[0] = other[0] = real;
            other[1] = -imaginary;
            one[1] = imaginary; // zero where both are one
        }
    }
}

// A span of one channel of a picture, out of the same span of all channels, which are `stride` apart.
template <class A, class T>
PYXAI_CLONES void picture_span(T *out, const A *planes, const A *weights, int64_t channels, int64_t stride,
                               int64_t size) {
    A sums[kTile];
    for (int64_t i = 0; i < size; ++i)
        sums[i] = weights[0] * planes[i];
    for (int64_t c = 1; c < channels; ++c)
        for (int64_t i = 0; i < size; ++i)
            sums[i] += weights[c] * planes[c * stride + i];
    for (int64_t i = 0; i < size; ++i)
        out[i] = static_cast<T>(sigmoid(sums[i]));
}

static Tensor fractal_noise_pyramid(const Tensor &ids, const Tensor &draws, const Tensor &amplitudes,
                                    const Tensor &mixing, int64_t seed, int64_t width, bool shared,
                                    ScalarType dtype) {
    const int64_t rows = ids.numel(), levels = amplitudes.size(0), height = amplitudes.size(1);
    const int64_t channels = mixing.size(0), pixels = height * width, half = height * (width / 2 + 1);
    Tensor out =
        torch::stable::empty({rows, levels, channels, height, width}, dtype, std::nullopt, ids.device());
    if (out.numel() == 0)
        return out;
    const Tensor id = contiguous(ids), draw = contiguous(draws), scales = contiguous(amplitudes),
                 weights = contiguous(mixing);
    const auto *i = id.const_data_ptr<int64_t>(), *d = draw.const_data_ptr<int64_t>();
    dispatch_floating(dtype, "fractal_noise_pyramid", [&](auto zero) {
        using T = decltype(zero);
        using A = accumulate_t<T>;
        const A *scale = scales.const_data_ptr<A>(), *weight = weights.const_data_ptr<A>();
        const Tensor spectra = new_spectra<A>(ids, levels * channels, height, width);
        A *spectrum = static_cast<A *>(spectra.data_ptr());
        // One row at a time: its planes stay in the cache, and no other row can change its bits.
        for (int64_t r = 0; r < rows; ++r) {
            const Stream stream{static_cast<uint64_t>(seed), static_cast<uint64_t>(i[r]),
                                static_cast<uint32_t>(d[r])};
            // The spectrum that was drawn is the last to be written over.
            const auto draw_planes = [&](int64_t begin, int64_t end) {
                for (int64_t plane = begin; plane < end; ++plane) {
                    A *drawn = spectrum + 2 * plane * half;
                    draw_numbers(drawn, stream, 2 * plane * half, 2 * half);
                    const int64_t level = plane / channels;
                    for (int64_t l = shared ? levels - 1 : level; l >= level; --l) {
                        A *scaled = drawn + 2 * (l - level) * channels * half;
                        scale_spectrum(scaled, drawn, scale + l * half, half);
                        make_symmetric(scaled, height, width);
                    }
                }
            };
            torch::stable::parallel_for(0, shared ? channels : levels * channels,
                                        std::max<int64_t>(1, kTile / half), draw_planes);
            const Tensor planes = inverse_transform(spectra, width);
            const A *plane = planes.const_data_ptr<A>();
            T *o = out.mutable_data_ptr<T>() + r * levels * channels * pixels;
            parallel_spans(levels * channels, pixels, kTile, [&](int64_t p, int64_t first, int64_t size) {
                picture_span(o + p * pixels + first, plane + p / channels * channels * pixels + first,
                             weight + p % channels * channels, channels, pixels, size);
            });
        }
    });
    return out;
}

STABLE_TORCH_LIBRARY_IMPL(pyxai, CPU, library) {
    library.impl("fractal_noise_pyramid", TORCH_BOX(&fractal_noise_pyramid));
}

} // namespace pyxai
