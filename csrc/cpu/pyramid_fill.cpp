#include "kernels/pyramid_fill.h"
#include "common/cpu.h"
#include "common/pyramid.h"

namespace pyxai {

// A span of one image. The pointers are those of its first element, `from` that of its pyramid.
template <class T>
PYXAI_CLONES void fill_span(T *out, const T *image, const T *mask, const T *from, const Pyramid &pyramid,
                            int64_t first, int64_t size) {
    using A = accumulate_t<T>;
    int64_t start[kPlaces];
    A part[kPlaces], keep[kPlaces];
    for (int64_t i = 0; i < size; ++i) {
        keep[i] = static_cast<A>(mask[first + i]);
        const Place<A> place = place_of(keep[i], pyramid.levels, pyramid.interpolate);
        start[i] = place.level * pyramid.step() + first + i;
        part[i] = place.part;
    }
    const bool between = pyramid.between();
    for (int64_t c = 0; c < pyramid.channels; ++c) {
        const T *level = from + c * pyramid.pixels;
        const T *in = image + pyramid.images.at(c, first);
        T *to = out + pyramid.images.at(c, first);
        const int64_t stride = pyramid.images.pixel;
        for (int64_t i = 0; i < size; ++i) {
            const A other = background(level + start[i], part[i], pyramid.step(), between);
            to[i * stride] = static_cast<T>(filled(static_cast<A>(in[i * stride]), keep[i], other));
        }
    }
}

static Tensor pyramid_fill(const Tensor &images, const Tensor &mask, const Tensor &pyramid,
                           bool interpolate) {
    const Tensor in = contiguous(images, memory_format(images)), keep = contiguous(mask),
                 levels = contiguous(pyramid);
    Tensor out = new_rows(images, images.size(0));
    const Pyramid shape(images, pyramid, interpolate);
    dispatch_floating(images.scalar_type(), "pyramid_fill", [&](auto zero) {
        using T = decltype(zero);
        const T *x = in.const_data_ptr<T>(), *m = keep.const_data_ptr<T>(), *b = levels.const_data_ptr<T>();
        T *o = out.mutable_data_ptr<T>();
        parallel_spans(shape.rows, shape.pixels, kPlaces, [&](int64_t r, int64_t first, int64_t size) {
            fill_span(o + r * shape.step(), x + r * shape.step(), m + r * shape.pixels,
                      b + r * shape.levels * shape.step(), shape, first, size);
        });
    });
    return out;
}

STABLE_TORCH_LIBRARY_IMPL(pyxai, CPU, library) {
    library.impl("pyramid_fill", TORCH_BOX(&pyramid_fill));
}

} // namespace pyxai
