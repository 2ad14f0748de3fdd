#include "kernels/local_entropy.h"
#include "common/cpu.h"

namespace pyxai {

// One plane's levels and the window that slides over it.
struct Window {
    const uint8_t *levels;
    int64_t height, width, radius;
    const std::vector<int64_t> &reaches; // of its rows

    // f(first pixel of a row of the image, how far the window extends in it) for the rows about row y.
    template <class F>
    void rows(int64_t y, F f) const {
        for (int64_t row = std::max(y - radius, int64_t(0)); row <= std::min(y + radius, height - 1); ++row)
            f(levels + row * width, reaches[row - y + radius]);
    }
};

template <class T>
void entropy_row(T *out, const Window &window, int64_t y, const int64_t *terms) {
    int32_t counts[kLevels] = {};
    LevelHistogram<int32_t> histogram{counts, terms};
    const int64_t width = window.width;
    window.rows(y, [&](const uint8_t *line, int64_t reach) {
        for (int64_t x = 0; x < std::min(reach, width); ++x)
            histogram.add(line[x]);
    });
    for (int64_t x = 0; x < width; ++x) {
        window.rows(y, [&](const uint8_t *line, int64_t reach) {
            if (x + reach < width)
                histogram.add(line[x + reach]);
            if (x - reach > 0)
                histogram.remove(line[x - reach - 1]);
        });
        out[x] = static_cast<T>(histogram.entropy());
    }
}

constexpr int64_t kScratch = 1 << 22; // levels kept at once

static Tensor local_entropy(const Tensor &images, int64_t radius, bool disk) {
    const int64_t planes = images.size(0), height = images.size(1), width = images.size(2);
    const Tensor dense = contiguous(images);
    Tensor out = torch::stable::new_empty(dense, {planes, height, width});
    if (out.numel() == 0)
        return out;
    std::vector<int64_t> reaches;
    for (int64_t row = -radius; row <= radius; ++row)
        reaches.push_back(window_reach(row, radius, disk));
    std::vector<int64_t> terms;
    for (int64_t count = 0; count <= (2 * radius + 1) * (2 * radius + 1); ++count)
        terms.push_back(entropy_term(count));
    const int64_t size = height * width, some = std::min(planes, kScratch / size + 1);
    std::vector<uint8_t> levels(some * size);
    dispatch_floating(images.scalar_type(), "local_entropy", [&](auto zero) {
        using T = decltype(zero);
        for (int64_t first = 0; first < planes; first += some) {
            const int64_t count = std::min(some, planes - first);
            const T *in = dense.const_data_ptr<T>() + first * size;
            T *o = out.mutable_data_ptr<T>() + first * size;
            torch::stable::parallel_for(0, count * size, kGrain, [&](int64_t begin, int64_t end) {
                for (int64_t i = begin; i < end; ++i)
                    levels[i] = static_cast<uint8_t>(grey_level(in[i]));
            });
            const int64_t grain = std::max<int64_t>(1, kGrain / (width * (2 * radius + 1)));
            torch::stable::parallel_for(0, count * height, grain, [&](int64_t begin, int64_t end) {
                for (int64_t row = begin; row < end; ++row) {
                    const Window window{levels.data() + row / height * size, height, width, radius, reaches};
                    entropy_row(o + row * width, window, row % height, terms.data());
                }
            });
        }
    });
    return out;
}

STABLE_TORCH_LIBRARY_IMPL(pyxai, CPU, library) {
    library.impl("local_entropy", TORCH_BOX(&local_entropy));
}

} // namespace pyxai
