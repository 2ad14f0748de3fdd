// The grid of the operators that make noise: rows of numbers out of any distribution.
#pragma once

#include "common/cuda.h"
#include "common/philox.h"

namespace pyxai {

template <class Distribution, class T>
__global__ void noise_kernel(T *out, const int64_t *ids, const int64_t *draws, uint64_t seed, int64_t rows,
                             int64_t size) {
    const int64_t blocks = (size + 3) / 4, step = gridDim.x * static_cast<int64_t>(blockDim.x);
    for (int64_t r = blockIdx.y; r < rows; r += gridDim.y) {
        const Stream stream{seed, static_cast<uint64_t>(ids[r]), static_cast<uint32_t>(draws[r])};
        for (int64_t b = blockIdx.x * static_cast<int64_t>(blockDim.x) + threadIdx.x; b < blocks; b += step) {
            const Words words = stream.words(static_cast<uint32_t>(b));
            for (int j = 0; j < 4; ++j)
                if (4 * b + j < size)
                    out[r * size + 4 * b + j] = static_cast<T>(Distribution::value(words.w[j]));
        }
    }
}

template <class Distribution>
Tensor noise_grid(const char *op, const Tensor &ids, const Tensor &draws, int64_t seed,
                  std::vector<int64_t> shape, ScalarType dtype) {
    const int64_t rows = ids.numel();
    shape.insert(shape.begin(), rows);
    Tensor out = torch::stable::empty(shape, dtype, std::nullopt, ids.device());
    const Tensor id = contiguous(ids), draw = contiguous(draws);
    const int64_t size = row_size(out);
    if (out.numel() == 0)
        return out;
    const Queue queue(op, ids);
    dispatch_floating(dtype, op, [&](auto zero) {
        using T = decltype(zero);
        launch<noise_kernel<Distribution, T>>(row_grid(rows, (size + 3) / 4), kThreads, 0, queue,
                                              out.mutable_data_ptr<T>(), id.const_data_ptr<int64_t>(),
                                              draw.const_data_ptr<int64_t>(), static_cast<uint64_t>(seed),
                                              rows, size);
    });
    return out;
}

} // namespace pyxai
