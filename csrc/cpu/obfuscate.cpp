#include "kernels/obfuscate.h"
#include "common/cpu.h"
#include "common/noise_tile.h"
#include "common/wavelet.h"
#include "common/wavelet_plane.h"
#include "kernels/normal_noise.h"

namespace pyxai {

constexpr int64_t kGroup = 16; // planes whose gradients are kept until they are added up

// The noise of elements [first, first + size), or nothing where its spread is 0.
template <class A>
PYXAI_HD const float *noise_of(float (&buffer)[kTile + 8], const Stream &stream, bool normal, A spread,
                               int64_t first, int64_t size) {
    if (spread == 0) {
        for (int64_t i = 0; i < size; ++i)
            buffer[i] = 0;
        return buffer;
    }
    return normal ? noise_tile<Normal>(buffer, stream, first, size)
                  : noise_tile<Symmetric>(buffer, stream, first, size);
}

template <class A, class T>
PYXAI_CLONES void mix_span(A *out, const T *values, const A *mask, A centre, A spread, const Stream &stream,
                           bool normal, int64_t first, int64_t size) {
    float buffer[kTile + 8];
    const float *noise = noise_of(buffer, stream, normal, spread, first, size);
    for (int64_t i = 0; i < size; ++i)
        out[i] = masked(mask[i], static_cast<A>(values[i]), replacement(centre, spread, noise[i]));
}

// The gradient of the mask, in place of that of the coefficients.
template <class A, class T>
PYXAI_CLONES void pull_span(A *grad, const T *values, A centre, A spread, const Stream &stream, bool normal,
                            int64_t first, int64_t size) {
    float buffer[kTile + 8];
    const float *noise = noise_of(buffer, stream, normal, spread, first, size);
    for (int64_t i = 0; i < size; ++i)
        grad[i] *= static_cast<A>(values[i]) - replacement(centre, spread, noise[i]);
}

template <class T, class A>
PYXAI_CLONES void store_plane(T *out, const A *plane, A black, A white, int64_t size, int64_t stride) {
    for (int64_t i = 0; i < size; ++i)
        out[i * stride] = clamped<T>(plane[i], black, white);
}

template <class T, class A>
PYXAI_CLONES void load_plane(A *plane, const T *grad, const T *values, A black, A white, int64_t size,
                             int64_t stride) {
    for (int64_t i = 0; i < size; ++i)
        plane[i] = before_clamp(grad[i * stride], values[i * stride], black, white);
}

template <class A>
PYXAI_CLONES void add_span(A *total, const A *values, int64_t size) {
    for (int64_t i = 0; i < size; ++i)
        total[i] += values[i];
}

template <class T>
class Obfuscation : public ObfuscationArguments<T> {
public:
    using A = accumulate_t<T>;
    using ObfuscationArguments<T>::ObfuscationArguments;

    // f(first coefficient of a tile, its size, centre, spread) over the tiles of plane p's coefficients.
    template <class F>
    void tiles(int64_t p, F f) const {
        const int64_t image = this->index[p / this->channels];
        for (int part = 0; part <= this->sizes.levels; ++part) {
            const int64_t at = image * (this->sizes.levels + 1) + part, end = this->sizes.part(part + 1);
            for (int64_t k = this->sizes.part(part); k < end; k += kTile)
                f(k, std::min(kTile, end - k), this->centre[at], this->spread[at]);
        }
    }

    void mix(A *out, int64_t p) const {
        const int64_t image = this->index[p / this->channels], c = p % this->channels, K = this->sizes.size;
        const Stream stream = this->stream(p / this->channels);
        tiles(p, [&](int64_t k, int64_t size, A centre, A spread) {
            mix_span(out + k, this->coefficients + (image * this->channels + c) * K + k,
                     this->mask + image * K + k, centre, spread, stream, this->normal, c * K + k, size);
        });
    }

    void pull(A *grad, int64_t p) const {
        const int64_t image = this->index[p / this->channels], c = p % this->channels, K = this->sizes.size;
        const Stream stream = this->stream(p / this->channels);
        tiles(p, [&](int64_t k, int64_t size, A centre, A spread) {
            pull_span(grad + k, this->coefficients + (image * this->channels + c) * K + k, centre, spread,
                      stream, this->normal, c * K + k, size);
        });
    }
};

static Tensor obfuscate(const Tensor &coefficients, const Tensor &mask, const Tensor &centre,
                        const Tensor &spread, const Tensor &index, const Tensor &ids, const Tensor &draws,
                        const Tensor &filters, const Tensor &black, const Tensor &white, int64_t levels,
                        int64_t height, int64_t width, std::string noise, int64_t seed) {
    const int64_t channels = coefficients.size(1), rows = index.numel();
    const WaveletSizes sizes(height, width, static_cast<int>(levels), filters.size(1));
    Tensor out =
        torch::stable::empty({rows, channels, height, width}, coefficients.scalar_type(), std::nullopt,
                             coefficients.device(), std::nullopt, MemoryFormat::ChannelsLast);
    const ObfuscationTensors tensors(coefficients, centre, spread, index, ids, draws, filters, black, white);
    const Tensor masks = contiguous(mask);
    check_index(tensors.index.const_data_ptr<int64_t>(), rows, coefficients.size(0), "obfuscate");
    dispatch_floating(coefficients.scalar_type(), "obfuscate", [&](auto zero) {
        using T = decltype(zero);
        using A = accumulate_t<T>;
        Obfuscation<T> work(tensors, sizes, noise == "normal", seed);
        work.mask = masks.const_data_ptr<A>();
        const PlaneTransform<A> transform(PlaneTransform<A>::Direction::synthesis, work.filters, sizes);
        T *o = out.mutable_data_ptr<T>();
        const int64_t pixels = transform.pixels();
        torch::stable::parallel_for(0, rows * channels, 1, [&](int64_t begin, int64_t end) {
            std::vector<A> memory(sizes.size + pixels + transform.scratch());
            A *row = memory.data(), *plane = row + sizes.size, *scratch = plane + pixels;
            for (int64_t p = begin; p < end; ++p) {
                const int64_t c = p % channels;
                work.mix(row, p);
                transform.synthesise(plane, row, scratch);
                store_plane(o + p / channels * channels * pixels + c, plane, work.black[c], work.white[c],
                            pixels, channels);
            }
        });
    });
    return out;
}

static void obfuscate_adjoint_(const Tensor &total, const Tensor &grad, const Tensor &images,
                               const Tensor &coefficients, const Tensor &centre, const Tensor &spread,
                               const Tensor &index, const Tensor &ids, const Tensor &draws,
                               const Tensor &filters, const Tensor &black, const Tensor &white,
                               int64_t levels, std::string noise, int64_t seed) {
    const int64_t channels = coefficients.size(1), rows = index.numel();
    const WaveletSizes sizes(images.size(2), images.size(3), static_cast<int>(levels), filters.size(1));
    const Tensor sum = contiguous(total), from = contiguous(grad, MemoryFormat::ChannelsLast),
                 values = contiguous(images, MemoryFormat::ChannelsLast);
    const ObfuscationTensors tensors(coefficients, centre, spread, index, ids, draws, filters, black, white);
    check_index(tensors.index.const_data_ptr<int64_t>(), rows, coefficients.size(0), "obfuscate_adjoint_");
    dispatch_floating(coefficients.scalar_type(), "obfuscate_adjoint_", [&](auto zero) {
        using T = decltype(zero);
        using A = accumulate_t<T>;
        const Obfuscation<T> work(tensors, sizes, noise == "normal", seed);
        // The transpose of a synthesis is the analysis with its filters reversed.
        std::vector<A> reversed(2 * sizes.taps);
        for (int64_t j = 0; j < 2 * sizes.taps; ++j)
            reversed[j] = work.filters[j / sizes.taps * sizes.taps + sizes.taps - 1 - j % sizes.taps];
        const PlaneTransform<A> transform(PlaneTransform<A>::Direction::analysis, reversed.data(), sizes);
        const T *g = from.const_data_ptr<T>(), *v = values.const_data_ptr<T>();
        A *s = sum.mutable_data_ptr<A>();
        const int64_t pixels = transform.pixels(), size = sizes.size, planes = rows * channels;
        std::vector<A> pulled(std::min(kGroup, planes) * size);
        for (int64_t start = 0; start < planes; start += kGroup) {
            const int64_t count = std::min(kGroup, planes - start);
            torch::stable::parallel_for(0, count, 1, [&](int64_t begin, int64_t end) {
                std::vector<A> memory(pixels + transform.scratch());
                A *plane = memory.data(), *scratch = plane + pixels;
                for (int64_t i = begin; i < end; ++i) {
                    const int64_t p = start + i, c = p % channels;
                    const int64_t at = p / channels * channels * pixels + c;
                    load_plane(plane, g + at, v + at, work.black[c], work.white[c], pixels, channels);
                    transform.analyse(pulled.data() + i * size, plane, scratch);
                    work.pull(pulled.data() + i * size, p);
                }
            });
            // Planes are added in their order, whatever calls and groups they come in.
            parallel_columns(count, size, [&](int64_t first, int64_t length) {
                for (int64_t i = 0; i < count; ++i)
                    add_span(s + work.index[(start + i) / channels] * size + first,
                             pulled.data() + i * size + first, length);
            });
        }
    });
    copy_back(total, sum);
}

STABLE_TORCH_LIBRARY_IMPL(pyxai, CPU, library) {
    library.impl("obfuscate", TORCH_BOX(&obfuscate));
    library.impl("obfuscate_adjoint_", TORCH_BOX(&obfuscate_adjoint_));
}

} // namespace pyxai
