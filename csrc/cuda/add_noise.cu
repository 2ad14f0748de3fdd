#include "common/cuda.h"
#include "common/philox.h"
#include "kernels/add_noise.h"
#include "kernels/normal_noise.h"

namespace pyxai {

template <class T>
__global__ void add_noise_kernel(T *out, const T *in, const int64_t *index, const int64_t *ids,
                                 const int64_t *draws, const accumulate_t<T> *scale, uint64_t seed,
                                 RowLayout layout, int64_t rows, int64_t images) {
    const int64_t size = layout.channels * layout.pixels;
    const int64_t blocks = (size + 3) / 4, step = gridDim.x * static_cast<int64_t>(blockDim.x);
    for (int64_t r = blockIdx.y; r < rows; r += gridDim.y) {
        const int64_t image = index[r];
        assert(image >= 0 && image < images);
        const Stream stream{seed, static_cast<uint64_t>(ids[image]), static_cast<uint32_t>(draws[r])};
        for (int64_t b = blockIdx.x * static_cast<int64_t>(blockDim.x) + threadIdx.x; b < blocks; b += step) {
            const Words words = stream.words(static_cast<uint32_t>(b));
            for (int j = 0; j < 4; ++j)
                if (4 * b + j < size) {
                    const int64_t at = layout.offset(4 * b + j);
                    out[r * size + at] =
                        noisy(in[image * size + at], Normal::value(words.w[j]), scale[image]);
                }
        }
    }
}

static Tensor add_noise(const Tensor &images, const Tensor &index, const Tensor &ids, const Tensor &draws,
                        const Tensor &scale, int64_t seed) {
    const int64_t rows = index.numel(), size = row_size(images);
    const Tensor from = contiguous(images, memory_format(images)), indices = contiguous(index);
    const Tensor id = contiguous(ids), draw = contiguous(draws), scales = contiguous(scale);
    Tensor out = new_rows(images, rows);
    if (out.numel() == 0)
        return out;
    const Queue queue("add_noise", images);
    dispatch_floating(images.scalar_type(), "add_noise", [&](auto zero) {
        using T = decltype(zero);
        launch<add_noise_kernel<T>>(row_grid(rows, (size + 3) / 4), kThreads, 0, queue,
                                    out.mutable_data_ptr<T>(), from.const_data_ptr<T>(),
                                    indices.const_data_ptr<int64_t>(), id.const_data_ptr<int64_t>(),
                                    draw.const_data_ptr<int64_t>(), scales.const_data_ptr<accumulate_t<T>>(),
                                    static_cast<uint64_t>(seed), row_layout(images), rows, images.size(0));
    });
    return out;
}

PYXAI_CUDA_OPERATORS(library) {
    library.impl("add_noise", TORCH_BOX(&add_noise));
}

} // namespace pyxai
