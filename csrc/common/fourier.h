// The inverse Fourier transform to real planes, by whatever library torch has for the device.
#pragma once

#include <array>

#include "common/torch.h"

namespace pyxai {

// Uninitialised spectra (planes, height, width / 2 + 1) of complex numbers whose parts are of type A.
template <class A>
Tensor new_spectra(const Tensor &like, int64_t planes, int64_t height, int64_t width) {
    const auto type = sizeof(A) == sizeof(double) ? ScalarType::ComplexDouble : ScalarType::ComplexFloat;
    return torch::stable::empty({planes, height, width / 2 + 1}, type, std::nullopt, like.device());
}

// Planes (planes, height, width) of spectra that `new_spectra` made; nothing is divided by their size.
inline Tensor inverse_transform(const Tensor &spectra, int64_t width) {
    std::array<StableIValue, 4> stack{
        torch::stable::detail::from(spectra), torch::stable::detail::from(std::vector<int64_t>{1, 2}),
        torch::stable::detail::from(int64_t{0}), torch::stable::detail::from(width)};
    TORCH_ERROR_CODE_CHECK(torch_call_dispatcher("aten::_fft_c2r", "", stack.data(), TORCH_ABI_VERSION));
    return torch::stable::detail::to<Tensor>(stack[0]);
}

} // namespace pyxai
