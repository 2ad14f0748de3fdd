#include "common/cuda.h"
#include "kernels/local_entropy.h"

namespace pyxai {

constexpr int kSliders = 64;   // threads of a block, each with a histogram of its own in shared memory
constexpr int64_t kSlide = 64; // pixels a thread slides over

// Counts from one thread's histogram to the next: an odd number of 32-bit words, so that lanes that look at
// the same level use different banks of shared memory.
constexpr int kStride = kLevels + 2;

template <class T>
__global__ void levels_kernel(uint8_t *levels, const T *images, int64_t size) {
    for_elements(1, size, [&](int64_t, int64_t i, bool inside) {
        if (inside)
            levels[i] = static_cast<uint8_t>(grey_level(images[i]));
    });
}

// A thread takes the pixels of one stretch of a row.
template <class T>
__global__ void entropy_kernel(T *out, const uint8_t *levels, const int64_t *terms, const int64_t *reaches,
                               int64_t rows, int64_t height, int64_t width, int64_t radius) {
    uint16_t *own = dynamic_shared<uint16_t>() + threadIdx.x * kStride;
    const int64_t stretches = (width + kSlide - 1) / kSlide;
    const int64_t step = gridDim.x * static_cast<int64_t>(blockDim.x);
    for (int64_t t = blockIdx.x * static_cast<int64_t>(blockDim.x) + threadIdx.x; t < rows * stretches;
         t += step) {
        const int64_t row = t / stretches, y = row % height, first = t % stretches * kSlide;
        const int64_t last = min(first + kSlide, width);
        const uint8_t *plane = levels + (row - y) * width;
        const int64_t top = max(y - radius, int64_t(0)), bottom = min(y + radius, height - 1);
        for (int level = 0; level < kLevels; ++level)
            own[level] = 0;
        LevelHistogram<uint16_t> histogram{own, terms};
        for (int64_t line = top; line <= bottom; ++line) {
            const int64_t reach = reaches[line - y + radius];
            for (int64_t x = max(first - reach, int64_t(0)); x < min(first + reach, width); ++x)
                histogram.add(plane[line * width + x]);
        }
        for (int64_t x = first; x < last; ++x) {
            for (int64_t line = top; line <= bottom; ++line) {
                const int64_t reach = reaches[line - y + radius];
                if (x + reach < width)
                    histogram.add(plane[line * width + x + reach]);
                if (x > first && x - reach > 0)
                    histogram.remove(plane[line * width + x - reach - 1]);
            }
            out[row * width + x] = static_cast<T>(histogram.entropy());
        }
    }
}

static Tensor to_device(const std::vector<int64_t> &values, const Tensor &like, const Queue &queue) {
    Tensor out = torch::stable::new_empty(like, {static_cast<int64_t>(values.size())}, ScalarType::Long);
    copy_to_device(out.mutable_data_ptr<int64_t>(), values.data(), values.size(), queue);
    return out;
}

static Tensor local_entropy(const Tensor &images, int64_t radius, bool disk) {
    const int64_t planes = images.size(0), height = images.size(1), width = images.size(2);
    const Tensor dense = contiguous(images);
    Tensor out = torch::stable::new_empty(dense, {planes, height, width});
    if (out.numel() == 0)
        return out;
    const Queue queue("local_entropy", images);
    std::vector<int64_t> reaches, terms;
    for (int64_t row = -radius; row <= radius; ++row)
        reaches.push_back(window_reach(row, radius, disk));
    for (int64_t count = 0; count <= (2 * radius + 1) * (2 * radius + 1); ++count)
        terms.push_back(entropy_term(count));
    const Tensor reach = to_device(reaches, dense, queue), term = to_device(terms, dense, queue);
    const Tensor levels = torch::stable::new_empty(dense, {planes, height, width}, ScalarType::Byte);
    const int64_t stretches = planes * height * ((width + kSlide - 1) / kSlide);
    dispatch_floating(images.scalar_type(), "local_entropy", [&](auto zero) {
        using T = decltype(zero);
        uint8_t *level = static_cast<uint8_t *>(levels.data_ptr());
        launch<levels_kernel<T>>(row_grid(1, out.numel()), kThreads, 0, queue, level,
                                 dense.const_data_ptr<T>(), out.numel());
        launch<entropy_kernel<T>>(grid_of((stretches + kSliders - 1) / kSliders), kSliders,
                                  kSliders * kStride * sizeof(uint16_t), queue, out.mutable_data_ptr<T>(),
                                  level, term.const_data_ptr<int64_t>(), reach.const_data_ptr<int64_t>(),
                                  planes * height, height, width, radius);
    });
    return out;
}

PYXAI_CUDA_OPERATORS(library) {
    library.impl("local_entropy", TORCH_BOX(&local_entropy));
}

} // namespace pyxai
