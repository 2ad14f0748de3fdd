#include "kernels/spectral_residual.h"
#include "common/cpu.h"

namespace pyxai {

template <class A, class T>
PYXAI_CLONES void log_span(A *log, const T *spectrum, Raise<A> raise, int64_t size) {
    for (int64_t i = 0; i < size; ++i)
        log[i] = log_of(raise(amplitude_of<A>(spectrum + 2 * i)));
}

// One plane's half spectrum, and the logarithms of its amplitudes.
template <class A, class T>
struct HalfPlane {
    const T *spectrum;
    const A *log;
    int64_t height, width, half;
    bool opencv;

    int64_t mirrored(int64_t row) const { return row == 0 ? 0 : height - row; }
};

// Row h of the whole plane. `lines` has room for four rows and two values. All that takes time runs over unit
// strides; the mirrored half is filled in by copies.
template <class A, class T>
PYXAI_CLONES void residual_row(T *out, const HalfPlane<A, T> &plane, int64_t h, A *lines) {
    const int64_t half = plane.half, width = plane.width, other = plane.mirrored(h);
    A *amplitude = lines, *log = amplitude + width, *scale = log + width, *sum = scale + width + 1;
    const T *there = plane.spectrum + 2 * other * half, *here = plane.spectrum + 2 * h * half;
    for (int64_t w = 0; w < half; ++w)
        scale[w] = amplitude_of<A>(there + 2 * w);
    for (int64_t w = half; w < width; ++w)
        amplitude[w] = scale[width - w];
    for (int64_t w = 0; w < half; ++w)
        amplitude[w] = amplitude_of<A>(here + 2 * w);

    const int64_t above = inside(h - 1, plane.height, plane.opencv),
                  below = inside(h + 1, plane.height, plane.opencv);
    const A *up = plane.log + above * half, *middle = plane.log + h * half, *down = plane.log + below * half;
    for (int64_t w = 0; w < half; ++w) {
        log[w] = middle[w];
        sum[w] = up[w] + middle[w] + down[w];
    }
    up = plane.log + plane.mirrored(above) * half;
    middle = plane.log + other * half;
    down = plane.log + plane.mirrored(below) * half;
    for (int64_t w = half; w < width; ++w) {
        log[w] = middle[width - w];
        sum[w] = up[width - w] + middle[width - w] + down[width - w];
    }
    sum[-1] = sum[inside(-1, width, plane.opencv)];
    sum[width] = sum[inside(width, width, plane.opencv)];
    for (int64_t w = 0; w < width; ++w)
        scale[w] = residual_scale(amplitude[w], log[w], (sum[w - 1] + sum[w] + sum[w + 1]) / 9);

    for (int64_t w = 0; w < half; ++w) {
        out[2 * w] = static_cast<T>(scaled_real(static_cast<A>(here[2 * w]), amplitude[w], scale[w]));
        out[2 * w + 1] = static_cast<T>(static_cast<A>(here[2 * w + 1]) * scale[w]);
    }
    for (int64_t w = half; w < width; ++w) {
        const T *at = there + 2 * (width - w);
        out[2 * w] = static_cast<T>(scaled_real(static_cast<A>(at[0]), amplitude[w], scale[w]));
        out[2 * w + 1] = static_cast<T>(-static_cast<A>(at[1]) * scale[w]);
    }
}

constexpr int64_t kLogs = 4096;       // logarithms or exponentials that repay waking a thread
constexpr int64_t kScratch = 1 << 18; // logarithms kept at once, which stay in the second level cache

static Tensor spectral_residual(const Tensor &spectrum, int64_t width, bool opencv) {
    const int64_t planes = spectrum.size(0), height = spectrum.size(1), half = spectrum.size(2);
    const Tensor dense = contiguous(spectrum);
    Tensor out = torch::stable::new_empty(dense, {planes, height, width, 2});
    dispatch_floating(spectrum.scalar_type(), "spectral_residual", [&](auto zero) {
        using T = decltype(zero);
        using A = accumulate_t<T>;
        const T *in = dense.const_data_ptr<T>();
        T *o = out.mutable_data_ptr<T>();
        const int64_t some = std::min(planes, kScratch / std::max<int64_t>(height * half, 1) + 1);
        std::vector<A> logs(some * height * half);
        for (int64_t first = 0; first < planes; first += some) {
            const int64_t count = std::min(some, planes - first);
            const T *from = in + 2 * first * height * half;
            T *to = o + 2 * first * height * width;
            torch::stable::parallel_for(0, count * height * half, kLogs, [&](int64_t begin, int64_t end) {
                log_span(logs.data() + begin, from + 2 * begin, Raise<A>(opencv), end - begin);
            });
            torch::stable::parallel_for(
                0, count * height, std::max<int64_t>(1, kLogs / std::max<int64_t>(width, 1)),
                [&](int64_t begin, int64_t end) {
                    std::vector<A> lines(4 * width + 2);
                    for (int64_t row = begin; row < end; ++row) {
                        const int64_t start = row / height * height * half;
                        const HalfPlane<A, T> plane{
                            from + 2 * start, logs.data() + start, height, width, half, opencv};
                        residual_row(to + 2 * row * width, plane, row % height, lines.data());
                    }
                });
        }
    });
    return out;
}

STABLE_TORCH_LIBRARY_IMPL(pyxai, CPU, library) {
    library.impl("spectral_residual", TORCH_BOX(&spectral_residual));
}

} // namespace pyxai
