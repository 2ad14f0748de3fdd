#include "common/padding.h"
#include "common/wavelet_grid.h"
#include "kernels/dwt.h"

namespace pyxai {

static Tensor dwt(const Tensor &images, const Tensor &filters, int64_t levels, std::string padding) {
    const WaveletSizes sizes(images.size(2), images.size(3), static_cast<int>(levels), filters.size(1));
    const Padding beyond = padding_named(padding);
    const Tensor taps = contiguous(filters);
    const int64_t planes = images.size(0) * images.size(1);
    return in_sums(images, {images.size(0), images.size(1), sizes.size}, [&](Tensor &out, const Tensor &in) {
        if (out.numel() == 0)
            return;
        const Queue queue("dwt", images);
        dispatch_accumulate(in.scalar_type(), "dwt", [&](auto zero) {
            using A = decltype(zero);
            const GridScratch<A> scratch(in, in.scalar_type(), sizes, planes);
            analyse_planes(out.mutable_data_ptr<A>(), in.const_data_ptr<A>(), taps.const_data_ptr<A>(), sizes,
                           planes, beyond, scratch, queue);
        });
    });
}

PYXAI_CUDA_OPERATORS(library) {
    library.impl("dwt", TORCH_BOX(&dwt));
}

} // namespace pyxai
