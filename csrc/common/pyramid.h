// The shapes of images, and of a pyramid with so many levels of each.
#pragma once

#include "common/torch.h"
#include "kernels/pyramid_fill.h"

namespace pyxai {

constexpr int64_t kPlaces = 1024; // of a mask, looked up at once by the loops on the CPU

struct Pyramid {
    int64_t rows, levels, channels, pixels;
    Layout4 images;
    bool interpolate;

    Pyramid(const Tensor &images, const Tensor &pyramid, bool interpolate)
        : rows(images.size(0)), levels(pyramid.size(1)), channels(images.size(1)),
          pixels(images.size(2) * images.size(3)), interpolate(interpolate) {
        const bool last = memory_format(images) == MemoryFormat::ChannelsLast;
        this->images = last ? Layout4{1, channels} : Layout4{pixels, 1};
    }

    // Elements of an image, and of a level.
    PYXAI_HD int64_t step() const { return channels * pixels; }

    // Whether the background may lie between two levels.
    PYXAI_HD bool between() const { return interpolate && levels > 1; }
};

} // namespace pyxai
