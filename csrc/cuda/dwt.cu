#include "common/wavelet.h"
#include "common/wavelet_grid.h"

namespace pyxai {

// f(out, in) on tensors of sums; others are widened before and rounded after.
template <class F>
static Tensor in_sums(const Tensor &in, const std::vector<int64_t> &shape, F f) {
    const bool wide = in.scalar_type() == ScalarType::Double || in.scalar_type() == ScalarType::Float;
    const Tensor from = wide ? contiguous(in) : torch::stable::to(contiguous(in), ScalarType::Float);
    Tensor out = torch::stable::new_empty(from, shape);
    f(out, from);
    return wide ? out : torch::stable::to(out, in.scalar_type());
}

static Tensor dwt(const Tensor &images, const Tensor &filters, int64_t levels, std::string padding) {
    const WaveletSizes sizes(images.size(2), images.size(3), static_cast<int>(levels), filters.size(1));
    const Padding beyond = padding_named(padding);
    const Tensor taps = contiguous(filters);
    const int64_t planes = images.size(0) * images.size(1);
    return in_sums(images, {images.size(0), images.size(1), sizes.size}, [&](Tensor &out, const Tensor &in) {
        if (out.numel() == 0)
            return;
        const torch::stable::accelerator::DeviceGuard guard(images.get_device_index());
        const cudaStream_t stream = current_stream(images.get_device_index());
        dispatch_accumulate(in.scalar_type(), "dwt", [&](auto zero) {
            using A = decltype(zero);
            const GridScratch<A> scratch(in, in.scalar_type(), sizes, planes);
            analyse_planes(out.mutable_data_ptr<A>(), in.const_data_ptr<A>(), taps.const_data_ptr<A>(), sizes,
                           planes, beyond, scratch, stream);
        });
        check_launch("dwt");
    });
}

static Tensor idwt(const Tensor &coefficients, const Tensor &filters, int64_t levels, int64_t height,
                   int64_t width) {
    const WaveletSizes sizes(height, width, static_cast<int>(levels), filters.size(1));
    const Tensor taps = contiguous(filters);
    const int64_t images = coefficients.size(0), channels = coefficients.size(1);
    return in_sums(coefficients, {images, channels, height, width}, [&](Tensor &out, const Tensor &in) {
        if (out.numel() == 0)
            return;
        const torch::stable::accelerator::DeviceGuard guard(coefficients.get_device_index());
        const cudaStream_t stream = current_stream(coefficients.get_device_index());
        dispatch_accumulate(in.scalar_type(), "idwt", [&](auto zero) {
            using A = decltype(zero);
            const GridScratch<A> scratch(in, in.scalar_type(), sizes, images * channels);
            synthesise_planes(out.mutable_data_ptr<A>(), in.const_data_ptr<A>(), taps.const_data_ptr<A>(),
                              sizes, images * channels, scratch, stream);
        });
        check_launch("idwt");
    });
}

STABLE_TORCH_LIBRARY_IMPL(pyxai, CUDA, library) {
    library.impl("dwt", TORCH_BOX(&dwt));
    library.impl("idwt", TORCH_BOX(&idwt));
}

} // namespace pyxai
