#include "common/wavelet_grid.h"
#include "kernels/idwt.h"

namespace pyxai {

static Tensor idwt(const Tensor &coefficients, const Tensor &filters, int64_t levels, int64_t height,
                   int64_t width) {
    const WaveletSizes sizes(height, width, static_cast<int>(levels), filters.size(1));
    const Tensor taps = contiguous(filters);
    const int64_t images = coefficients.size(0), channels = coefficients.size(1);
    return in_sums(coefficients, {images, channels, height, width}, [&](Tensor &out, const Tensor &in) {
        if (out.numel() == 0)
            return;
        const Queue queue("idwt", coefficients);
        dispatch_accumulate(in.scalar_type(), "idwt", [&](auto zero) {
            using A = decltype(zero);
            const GridScratch<A> scratch(in, in.scalar_type(), sizes, images * channels);
            synthesise_planes(out.mutable_data_ptr<A>(), in.const_data_ptr<A>(), taps.const_data_ptr<A>(),
                              sizes, images * channels, scratch, queue);
        });
    });
}

PYXAI_CUDA_OPERATORS(library) {
    library.impl("idwt", TORCH_BOX(&idwt));
}

} // namespace pyxai
