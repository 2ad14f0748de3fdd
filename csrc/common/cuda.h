// CUDA side: grids, and loops over them. The same source is compiled by nvcc for a GPU and by the host's
// compiler for the emulation of one.
#pragma once

#include <algorithm>

#ifdef PYXAI_EMULATION
#include "emulation/launch.h"
#else
#include "common/launch.h"
#endif

namespace pyxai {

constexpr int kThreads = 256;

// A grid of so many blocks, or of as many as there may be.
inline dim3 grid_of(int64_t x, int64_t y = 1) {
    const dim3 most = most_blocks();
    return dim3(static_cast<unsigned>(std::min<int64_t>(x, most.x)),
                static_cast<unsigned>(std::min<int64_t>(y, most.y)));
}

// Blocks over (elements of a row, rows); the kernels stride over both, so any size fits.
inline dim3 row_grid(int64_t rows, int64_t size) {
    return grid_of((size + kThreads - 1) / kThreads, rows);
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
