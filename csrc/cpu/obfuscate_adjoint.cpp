#include "kernels/obfuscate_adjoint.h"
#include "common/cpu.h"
#include "common/obfuscation_tiles.h"
#include "common/wavelet_plane.h"

namespace pyxai {

constexpr int64_t kGroup = 16; // planes whose gradients are kept until they are added up

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

// The gradient of a plane's (row, channel) coefficients to that of its mask, in place.
template <class T>
static void pull(accumulate_t<T> *grad, const ObfuscationArguments<T> &work, int64_t plane) {
    using A = accumulate_t<T>;
    const int64_t row = plane / work.channels, c = plane % work.channels, image = work.index[row];
    const int64_t K = work.sizes.size;
    const Stream stream = work.stream(row);
    for_tiles(work, plane, [&](int64_t k, int64_t size, A centre, A spread) {
        pull_span(grad + k, work.coefficients + (image * work.channels + c) * K + k, centre, spread, stream,
                  work.normal, c * K + k, size);
    });
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
        const ObfuscationArguments<T> work(tensors, sizes, noise == "normal", seed);
        // The transpose of a synthesis is the analysis with its filters reversed.
        std::vector<A> reversed(2 * sizes.taps);
        for (int64_t j = 0; j < 2 * sizes.taps; ++j)
            reversed[j] = work.filters[j / sizes.taps * sizes.taps + sizes.taps - 1 - j % sizes.taps];
        const PlaneAnalysis<A> analyse(reversed.data(), sizes);
        const T *g = from.const_data_ptr<T>(), *v = values.const_data_ptr<T>();
        A *s = sum.mutable_data_ptr<A>();
        const int64_t pixels = sizes.plane(0), size = sizes.size, planes = rows * channels;
        std::vector<A> pulled(std::min(kGroup, planes) * size);
        for (int64_t start = 0; start < planes; start += kGroup) {
            const int64_t count = std::min(kGroup, planes - start);
            torch::stable::parallel_for(0, count, 1, [&](int64_t begin, int64_t end) {
                std::vector<A> memory(pixels + plane_scratch(sizes));
                A *plane = memory.data(), *scratch = plane + pixels;
                for (int64_t i = begin; i < end; ++i) {
                    const int64_t p = start + i, c = p % channels;
                    const int64_t at = p / channels * channels * pixels + c;
                    load_plane(plane, g + at, v + at, work.black[c], work.white[c], pixels, channels);
                    analyse(pulled.data() + i * size, plane, scratch);
                    pull(pulled.data() + i * size, work, p);
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
    library.impl("obfuscate_adjoint_", TORCH_BOX(&obfuscate_adjoint_));
}

} // namespace pyxai
