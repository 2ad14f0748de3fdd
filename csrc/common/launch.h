// Launching on a GPU. What is here has its twin in emulation/launch.h: no other file says <<<, __shared__ or
// CUDA.
#pragma once

#include <cuda_runtime.h>
#include <dlfcn.h>

#undef NDEBUG // an index out of range must stop the kernel, as it does in torch
#include <cassert>

#include "common/torch.h"

// Registers operators by `library.impl`, in the body that follows.
#define PYXAI_CUDA_OPERATORS(library) STABLE_TORCH_LIBRARY_IMPL(pyxai, CUDA, library)

namespace pyxai {

// Most blocks of a grid. Kernels stride over it, so that any size fits.
inline dim3 most_blocks() {
    return dim3(1 << 20, 65535);
}

// The stream torch currently uses on this device. Its accessor lives in libtorch_cuda, which this module is
// not linked to (it must load under a CPU-only torch), so it is looked up in the library torch has loaded.
inline cudaStream_t current_stream(int32_t device) {
    using Accessor = int32_t (*)(int32_t, void **);
    static const Accessor accessor = [] {
        void *library = dlopen("libtorch_cuda.so", RTLD_LAZY | RTLD_NOLOAD);
        return library ? reinterpret_cast<Accessor>(dlsym(library, "aoti_torch_get_current_cuda_stream"))
                       : nullptr;
    }();
    STD_TORCH_CHECK(accessor != nullptr, "pyxai: this torch offers no current CUDA stream");
    void *stream = nullptr;
    STD_TORCH_CHECK(accessor(device, &stream) == 0, "pyxai: no current CUDA stream on device ", device);
    return static_cast<cudaStream_t>(stream);
}

// Where an operator's kernels run: on the stream that torch uses on the device of `tensor`, which is current
// while this lives. Errors name the operator.
class Queue {
public:
    Queue(const char *op, const Tensor &tensor)
        : op_(op), guard_(tensor.get_device_index()), stream_(current_stream(tensor.get_device_index())) {}

    cudaStream_t stream() const { return stream_; }

    void check(cudaError_t error) const {
        STD_TORCH_CHECK(error == cudaSuccess, op_, ": ", cudaGetErrorString(error));
    }

private:
    const char *op_;
    torch::stable::accelerator::DeviceGuard guard_;
    cudaStream_t stream_;
};

// Runs kernel(arguments...) on a grid of blocks of `threads`, each with `shared` bytes of dynamic_shared().
template <auto kernel, class... Arguments>
void launch(dim3 grid, int threads, size_t shared, const Queue &queue, const Arguments &...arguments) {
    kernel<<<grid, threads, shared, queue.stream()>>>(arguments...);
    queue.check(cudaGetLastError());
}

// The memory that the threads of a block share, as many bytes as its launch says.
template <class T>
__device__ __forceinline__ T *dynamic_shared() {
    extern __shared__ __align__(16) unsigned char pyxai_shared[];
    return reinterpret_cast<T *>(pyxai_shared);
}

// Copies `count` values within the device, after what the queue has been given before.
template <class T>
void copy_within(T *to, const T *from, int64_t count, const Queue &queue) {
    queue.check(cudaMemcpyAsync(to, from, count * sizeof(T), cudaMemcpyDeviceToDevice, queue.stream()));
}

// The same from the host's memory, which may be freed at once.
template <class T>
void copy_to_device(T *to, const T *from, int64_t count, const Queue &queue) {
    queue.check(cudaMemcpyAsync(to, from, count * sizeof(T), cudaMemcpyHostToDevice, queue.stream()));
}

} // namespace pyxai
