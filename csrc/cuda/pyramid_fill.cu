#include "common/cuda.h"
#include "common/pyramid.h"
#include "kernels/pyramid_fill.h"

namespace pyxai {

template <class T>
__global__ void fill_kernel(T *out, const T *images, const T *mask, const T *levels, Pyramid pyramid) {
    using A = accumulate_t<T>;
    for_elements(pyramid.rows, pyramid.pixels, [&](int64_t row, int64_t pixel, bool inside) {
        if (!inside)
            return;
        const A keep = static_cast<A>(mask[row * pyramid.pixels + pixel]);
        const Place<A> place = place_of(keep, pyramid.levels, pyramid.interpolate);
        const T *level = levels + (row * pyramid.levels + place.level) * pyramid.step() + pixel;
        for (int64_t c = 0; c < pyramid.channels; ++c) {
            const int64_t at = row * pyramid.step() + pyramid.images.at(c, pixel);
            const A other =
                background(level + c * pyramid.pixels, place.part, pyramid.step(), pyramid.between());
            out[at] = static_cast<T>(filled(static_cast<A>(images[at]), keep, other));
        }
    });
}

static Tensor pyramid_fill(const Tensor &images, const Tensor &mask, const Tensor &pyramid,
                           bool interpolate) {
    const Tensor in = contiguous(images, memory_format(images)), keep = contiguous(mask),
                 levels = contiguous(pyramid);
    Tensor out = new_rows(images, images.size(0));
    if (out.numel() == 0)
        return out;
    const Queue queue("pyramid_fill", images);
    const Pyramid shape(images, pyramid, interpolate);
    dispatch_floating(images.scalar_type(), "pyramid_fill", [&](auto zero) {
        using T = decltype(zero);
        launch<fill_kernel<T>>(row_grid(shape.rows, shape.pixels), kThreads, 0, queue,
                               out.mutable_data_ptr<T>(), in.const_data_ptr<T>(), keep.const_data_ptr<T>(),
                               levels.const_data_ptr<T>(), shape);
    });
    return out;
}

PYXAI_CUDA_OPERATORS(library) {
    library.impl("pyramid_fill", TORCH_BOX(&pyramid_fill));
}

} // namespace pyxai
