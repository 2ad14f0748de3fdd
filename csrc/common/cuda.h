// CUDA side: guard, current stream, launch check, grids.
#pragma once

#include <cuda_runtime.h>
#include <dlfcn.h>

#include <algorithm>

#undef NDEBUG // an index out of range must stop the kernel, as it does in torch
#include <cassert>

#include "common/torch.h"

namespace pyxai {

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

inline void check_launch(const char *op) {
    const cudaError_t error = cudaGetLastError();
    STD_TORCH_CHECK(error == cudaSuccess, op, ": ", cudaGetErrorString(error));
}

constexpr int kThreads = 256;

// Blocks over (elements of a row, rows); the kernels stride over both, so any size fits.
inline dim3 row_grid(int64_t rows, int64_t size) {
    const int64_t x = (size + kThreads - 1) / kThreads;
    return dim3(static_cast<unsigned>(std::min<int64_t>(x, 1 << 20)),
                static_cast<unsigned>(std::min<int64_t>(rows, 65535)));
}

// f(image, element, inside) for every element of every image. All lanes of a warp make the same calls, with
// inside = false past the end of a row, so that f may use warp-wide operations.
template <class F>
__device__ __forceinline__ void for_elements(int64_t images, int64_t size, F f) {
    const int64_t step = gridDim.x * static_cast<int64_t>(blockDim.x);
    for (int64_t image = blockIdx.y; image < images; image += gridDim.y)
        for (int64_t block = blockIdx.x * static_cast<int64_t>(blockDim.x); block < size; block += step)
            f(image, block + threadIdx.x, block + threadIdx.x < size);
}

// f(r) for the rows r with index[r] == image, in order. The lanes of a warp look at 32 entries at a time.
template <class F>
__device__ __forceinline__ void for_rows_of(int64_t image, const int64_t *index, int64_t rows, int64_t images,
                                            F f) {
    const int lane = threadIdx.x % 32;
    for (int64_t base = 0; base < rows; base += 32) {
        const int64_t mine = base + lane < rows ? index[base + lane] : image - 1;
        assert(base + lane >= rows || (mine >= 0 && mine < images));
        for (unsigned found = __ballot_sync(0xffffffffu, mine == image); found; found &= found - 1)
            f(base + __ffs(found) - 1);
    }
}

} // namespace pyxai
