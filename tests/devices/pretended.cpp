// A GPU that is not there. Tensors say that they are on cuda:0 and lie in the memory of the host, so that
// torch built for CPUs takes them, also in backward passes; what is computed with them,
// tests/devices/device.py says.
#include <ATen/core/Tensor.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <torch/library.h>

namespace at {

// Torch asks these for an accelerator once, when it is imported: this library must be loaded before.
struct Hooks final : CUDAHooksInterface {
    explicit Hooks(CUDAHooksArgs) {}
    bool hasCUDA() const override { return true; }
    bool isBuilt() const override { return true; }
    bool isAvailable() const override { return true; }
    void init() const override {}
    bool hasPrimaryContext(DeviceIndex) const override { return true; }
    DeviceIndex deviceCount() const override { return 1; }
    DeviceIndex getCurrentDevice() const override { return 0; }
};
C10_REGISTER_TYPED_CLASS(CUDAHooksRegistry, "CUDAHooks", Hooks)

} // namespace at

namespace {

const c10::Device kDevice(c10::DeviceType::CUDA, 0);

struct Guard final : c10::impl::NoOpDeviceGuardImpl<c10::DeviceType::CUDA> {
    c10::Device getDevice() const override { return kDevice; }
    c10::Device exchangeDevice(c10::Device) const override { return kDevice; }
    c10::Stream getStream(c10::Device) const noexcept override {
        return c10::Stream(c10::Stream::DEFAULT, kDevice);
    }
    c10::Stream exchangeStream(c10::Stream stream) const noexcept override { return stream; }
    void record(void **, const c10::Stream &, c10::DeviceIndex, c10::EventFlag) const override {}
    void block(void *, const c10::Stream &) const override {}
};
C10_REGISTER_GUARD_IMPL(CUDA, Guard)

// The memory of x under the name of another device.
c10::Storage renamed(const at::Tensor &x, c10::Device device) {
    auto kept = new c10::Storage(x.storage());
    auto drop = [](void *storage) { delete static_cast<c10::Storage *>(storage); };
    return c10::Storage(c10::Storage::use_byte_size_t(), kept->nbytes(),
                        c10::DataPtr(kept->mutable_data(), kept, drop, device), nullptr, false);
}

// A tensor that lies in `storage` as `like` does in its own.
at::Tensor laid(c10::Storage storage, const at::Tensor &like, c10::DispatchKey key) {
    auto made =
        at::detail::make_tensor<c10::TensorImpl>(std::move(storage), c10::DispatchKeySet(key), like.dtype());
    made.unsafeGetTensorImpl()->set_sizes_and_strides(like.sizes(), like.strides(), like.storage_offset());
    made._set_conj(like.is_conj());
    made._set_neg(like.is_neg());
    return made;
}

// A tensor of the host on the device, with the same memory: that of `owner`, a tensor of the device, where it
// is one of its views.
at::Tensor to_device(const at::Tensor &x, const std::optional<at::Tensor> &owner) {
    return laid(owner ? owner->storage() : renamed(x, kDevice), x, c10::DispatchKey::CUDA);
}

at::Tensor to_host(const at::Tensor &x) {
    return laid(renamed(x, c10::DeviceType::CPU), x, c10::DispatchKey::CPU);
}

} // namespace

TORCH_LIBRARY(pretended, m) {
    m.def("to_device(Tensor x, Tensor? owner) -> Tensor", to_device);
    m.def("to_host(Tensor x) -> Tensor", to_host);
}
