#include "kernels/obfuscate.h"
#include "common/cpu.h"
#include "common/obfuscation_tiles.h"
#include "common/wavelet_plane.h"

namespace pyxai {

template <class A, class T>
PYXAI_CLONES void mix_span(A *out, const T *values, const A *mask, A centre, A spread, const Stream &stream,
                           bool normal, int64_t first, int64_t size) {
    float buffer[kTile + 8];
    const float *noise = noise_of(buffer, stream, normal, spread, first, size);
    for (int64_t i = 0; i < size; ++i)
        out[i] = masked(mask[i], static_cast<A>(values[i]), replacement(centre, spread, noise[i]));
}

template <class T, class A>
PYXAI_CLONES void store_plane(T *out, const A *plane, A black, A white, int64_t size, int64_t stride) {
    for (int64_t i = 0; i < size; ++i)
        out[i * stride] = clamped<T>(plane[i], black, white);
}

// The masked and filled up coefficients of a plane (row, channel) of the result.
template <class T>
static void mix(accumulate_t<T> *out, const ObfuscationArguments<T> &work, int64_t plane) {
    using A = accumulate_t<T>;
    const int64_t row = plane / work.channels, c = plane % work.channels, image = work.index[row];
    const int64_t K = work.sizes.size;
    const Stream stream = work.stream(row);
    for_tiles(work, plane, [&](int64_t k, int64_t size, A centre, A spread) {
        mix_span(out + k, work.coefficients + (image * work.channels + c) * K + k, work.mask + image * K + k,
                 centre, spread, stream, work.normal, c * K + k, size);
    });
}

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
        ObfuscationArguments<T> work(tensors, sizes, noise == "normal", seed);
        work.mask = masks.const_data_ptr<A>();
        const PlaneSynthesis<A> synthesise(work.filters, sizes);
        T *o = out.mutable_data_ptr<T>();
        const int64_t pixels = sizes.plane(0);
        torch::stable::parallel_for(0, rows * channels, 1, [&](int64_t begin, int64_t end) {
            std::vector<A> memory(sizes.size + pixels + plane_scratch(sizes));
            A *row = memory.data(), *plane = row + sizes.size, *scratch = plane + pixels;
            for (int64_t p = begin; p < end; ++p) {
                const int64_t c = p % channels;
                mix(row, work, p);
                synthesise(plane, row, scratch);
                store_plane(o + p / channels * channels * pixels + c, plane, work.black[c], work.white[c],
                            pixels, channels);
            }
        });
    });
    return out;
}

STABLE_TORCH_LIBRARY_IMPL(pyxai, CPU, library) {
    library.impl("obfuscate", TORCH_BOX(&obfuscate));
}

} // namespace pyxai
