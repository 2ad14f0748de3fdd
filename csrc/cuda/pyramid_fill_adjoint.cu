#include "common/cuda.h"
#include "common/pyramid.h"
#include "kernels/pyramid_fill_adjoint.h"

namespace pyxai {

template <class T>
__global__ void fill_adjoint_kernel(T *by_images, T *by_mask, const T *grad, const T *images, const T *mask,
                                    const T *levels, Pyramid pyramid) {
    using A = accumulate_t<T>;
    for_elements(pyramid.rows, pyramid.pixels, [&](int64_t row, int64_t pixel, bool inside) {
        if (!inside)
            return;
        const A keep = static_cast<A>(mask[row * pyramid.pixels + pixel]);
        const Place<A> place = place_of(keep, pyramid.levels, pyramid.interpolate);
        const T *level = levels + (row * pyramid.levels + place.level) * pyramid.step() + pixel;
        A total = 0;
        for (int64_t c = 0; c < pyramid.channels; ++c) {
            const int64_t at = row * pyramid.step() + pyramid.images.at(c, pixel);
            const A g = static_cast<A>(grad[at]);
            total += g * slope_by_mask(static_cast<A>(images[at]), keep, level + c * pyramid.pixels,
                                       place.part, pyramid.step(), pyramid.levels, pyramid.between());
            by_images[at] = static_cast<T>(keep * g);
        }
        by_mask[row * pyramid.pixels + pixel] = static_cast<T>(total);
    });
}

static std::tuple<Tensor, Tensor> pyramid_fill_adjoint(const Tensor &grad, const Tensor &images,
                                                       const Tensor &mask, const Tensor &pyramid,
                                                       bool interpolate) {
    const MemoryFormat format = memory_format(images);
    const Tensor pulled = contiguous(grad, format), in = contiguous(images, format), keep = contiguous(mask),
                 levels = contiguous(pyramid);
    Tensor by_images = new_rows(images, images.size(0)), by_mask = torch::stable::empty_like(keep);
    if (by_mask.numel() == 0)
        return {by_images, by_mask};
    const Queue queue("pyramid_fill_adjoint", images);
    const Pyramid shape(images, pyramid, interpolate);
    dispatch_floating(images.scalar_type(), "pyramid_fill_adjoint", [&](auto zero) {
        using T = decltype(zero);
        launch<fill_adjoint_kernel<T>>(row_grid(shape.rows, shape.pixels), kThreads, 0, queue,
                                       by_images.mutable_data_ptr<T>(), by_mask.mutable_data_ptr<T>(),
                                       pulled.const_data_ptr<T>(), in.const_data_ptr<T>(),
                                       keep.const_data_ptr<T>(), levels.const_data_ptr<T>(), shape);
    });
    return {by_images, by_mask};
}

PYXAI_CUDA_OPERATORS(library) {
    library.impl("pyramid_fill_adjoint", TORCH_BOX(&pyramid_fill_adjoint));
}

} // namespace pyxai
