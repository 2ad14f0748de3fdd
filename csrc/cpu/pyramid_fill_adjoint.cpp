#include "kernels/pyramid_fill_adjoint.h"
#include "common/cpu.h"
#include "common/pyramid.h"

namespace pyxai {

// A span of one image, as in pyramid_fill.
template <class T>
PYXAI_CLONES void adjoint_span(T *by_image, T *by_mask, const T *grad, const T *image, const T *mask,
                               const T *from, const Pyramid &pyramid, int64_t first, int64_t size) {
    using A = accumulate_t<T>;
    int64_t start[kPlaces];
    A part[kPlaces], keep[kPlaces], total[kPlaces];
    for (int64_t i = 0; i < size; ++i) {
        keep[i] = static_cast<A>(mask[first + i]);
        const Place<A> place = place_of(keep[i], pyramid.levels, pyramid.interpolate);
        start[i] = place.level * pyramid.step() + first + i;
        part[i] = place.part;
        total[i] = 0;
    }
    const bool between = pyramid.between();
    const int64_t stride = pyramid.images.pixel;
    for (int64_t c = 0; c < pyramid.channels; ++c) {
        const T *level = from + c * pyramid.pixels;
        const int64_t at = pyramid.images.at(c, first);
        const T *in = image + at, *g = grad + at;
        T *to = by_image + at;
        for (int64_t i = 0; i < size; ++i) {
            const A slope = slope_by_mask(static_cast<A>(in[i * stride]), keep[i], level + start[i], part[i],
                                          pyramid.step(), pyramid.levels, between);
            total[i] += static_cast<A>(g[i * stride]) * slope;
            to[i * stride] = static_cast<T>(keep[i] * static_cast<A>(g[i * stride]));
        }
    }
    for (int64_t i = 0; i < size; ++i)
        by_mask[first + i] = static_cast<T>(total[i]);
}

static std::tuple<Tensor, Tensor> pyramid_fill_adjoint(const Tensor &grad, const Tensor &images,
                                                       const Tensor &mask, const Tensor &pyramid,
                                                       bool interpolate) {
    const MemoryFormat format = memory_format(images);
    const Tensor pulled = contiguous(grad, format), in = contiguous(images, format), keep = contiguous(mask),
                 levels = contiguous(pyramid);
    Tensor by_images = new_rows(images, images.size(0)), by_mask = torch::stable::empty_like(keep);
    const Pyramid shape(images, pyramid, interpolate);
    dispatch_floating(images.scalar_type(), "pyramid_fill_adjoint", [&](auto zero) {
        using T = decltype(zero);
        const T *g = pulled.const_data_ptr<T>(), *x = in.const_data_ptr<T>(), *m = keep.const_data_ptr<T>(),
                *b = levels.const_data_ptr<T>();
        T *one = by_images.mutable_data_ptr<T>(), *other = by_mask.mutable_data_ptr<T>();
        parallel_spans(shape.rows, shape.pixels, kPlaces, [&](int64_t r, int64_t first, int64_t size) {
            const int64_t at = r * shape.step();
            adjoint_span(one + at, other + r * shape.pixels, g + at, x + at, m + r * shape.pixels,
                         b + at * shape.levels, shape, first, size);
        });
    });
    return {by_images, by_mask};
}

STABLE_TORCH_LIBRARY_IMPL(pyxai, CPU, library) {
    library.impl("pyramid_fill_adjoint", TORCH_BOX(&pyramid_fill_adjoint));
}

} // namespace pyxai
