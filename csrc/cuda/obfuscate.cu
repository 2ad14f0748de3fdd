#include "common/obfuscation_grid.h"
#include "common/wavelet_grid.h"
#include "kernels/obfuscate.h"

namespace pyxai {

template <class T>
__global__ void mix_kernel(accumulate_t<T> *out, ObfuscationArguments<T> work, int64_t rows, int64_t images) {
    using A = accumulate_t<T>;
    const int64_t size = work.sizes.size;
    for_elements(rows * work.channels, size, [&](int64_t plane, int64_t k, bool inside) {
        if (!inside)
            return;
        const int64_t row = plane / work.channels, c = plane % work.channels, image = work.index[row];
        assert(image >= 0 && image < images);
        const A value = static_cast<A>(work.coefficients[(image * work.channels + c) * size + k]);
        out[plane * size + k] = masked(work.mask[image * size + k], value, replacement_at(work, row, c, k));
    });
}

template <class T>
__global__ void store_kernel(T *out, const accumulate_t<T> *planes, ObfuscationArguments<T> work,
                             int64_t rows) {
    const int64_t pixels = work.sizes.plane(0), channels = work.channels;
    for_elements(rows, channels * pixels, [&](int64_t row, int64_t e, bool inside) {
        if (!inside)
            return;
        const int64_t c = e % channels, at = row * channels * pixels;
        out[at + e] = clamped<T>(planes[at + c * pixels + e / channels], work.black[c], work.white[c]);
    });
}

static Tensor obfuscate(const Tensor &coefficients, const Tensor &mask, const Tensor &centre,
                        const Tensor &spread, const Tensor &index, const Tensor &ids, const Tensor &draws,
                        const Tensor &filters, const Tensor &black, const Tensor &white, int64_t levels,
                        int64_t height, int64_t width, std::string noise, int64_t seed) {
    const int64_t images = coefficients.size(0), channels = coefficients.size(1), rows = index.numel();
    const WaveletSizes sizes(height, width, static_cast<int>(levels), filters.size(1));
    Tensor out =
        torch::stable::empty({rows, channels, height, width}, coefficients.scalar_type(), std::nullopt,
                             coefficients.device(), std::nullopt, MemoryFormat::ChannelsLast);
    if (out.numel() == 0)
        return out;
    const ObfuscationTensors tensors(coefficients, centre, spread, index, ids, draws, filters, black, white);
    const Tensor masks = contiguous(mask);
    const Queue queue("obfuscate", coefficients);
    dispatch_floating(coefficients.scalar_type(), "obfuscate", [&](auto zero) {
        using T = decltype(zero);
        using A = accumulate_t<T>;
        ObfuscationArguments<T> work(tensors, sizes, noise == "normal", seed);
        work.mask = masks.const_data_ptr<A>();
        const int64_t planes = rows * channels;
        const Tensor mixed = torch::stable::new_empty(filters, {planes, sizes.size});
        const Tensor pixels = torch::stable::new_empty(filters, {planes, sizes.plane(0)});
        const GridScratch<A> scratch(filters, filters.scalar_type(), sizes, planes);
        launch<mix_kernel<T>>(row_grid(planes, sizes.size), kThreads, 0, queue, mixed.mutable_data_ptr<A>(),
                              work, rows, images);
        synthesise_planes(pixels.mutable_data_ptr<A>(), mixed.const_data_ptr<A>(), work.filters, sizes,
                          planes, scratch, queue);
        launch<store_kernel<T>>(row_grid(rows, channels * sizes.plane(0)), kThreads, 0, queue,
                                out.mutable_data_ptr<T>(), pixels.const_data_ptr<A>(), work, rows);
    });
    return out;
}

PYXAI_CUDA_OPERATORS(library) {
    library.impl("obfuscate", TORCH_BOX(&obfuscate));
}

} // namespace pyxai
