#include "kernels/add_noise.h"
#include "common/cpu.h"
#include "common/noise_tile.h"
#include "kernels/normal_noise.h"

namespace pyxai {

template <class T>
PYXAI_CLONES void add_noise_span(T *out, const T *in, const Stream &stream, accumulate_t<T> scale,
                                 int64_t first, int64_t size, int64_t stride) {
    float buffer[kTile + 8];
    const float *noise = noise_tile<Normal>(buffer, stream, first, size);
    if (stride == 1)
        for (int64_t i = 0; i < size; ++i)
            out[i] = noisy(in[i], noise[i], scale);
    else
        for (int64_t i = 0; i < size; ++i)
            out[i * stride] = noisy(in[i * stride], noise[i], scale);
}

static Tensor add_noise(const Tensor &images, const Tensor &index, const Tensor &ids, const Tensor &draws,
                        const Tensor &scale, int64_t seed) {
    const int64_t rows = index.numel(), size = row_size(images);
    const RowLayout layout = row_layout(images);
    const Tensor from = contiguous(images, memory_format(images)), indices = contiguous(index);
    const Tensor id = contiguous(ids), draw = contiguous(draws), scales = contiguous(scale);
    Tensor out = new_rows(images, rows);
    const auto *image = indices.const_data_ptr<int64_t>(), *i = id.const_data_ptr<int64_t>(),
               *d = draw.const_data_ptr<int64_t>();
    check_index(image, rows, images.size(0), "add_noise");
    dispatch_floating(images.scalar_type(), "add_noise", [&](auto zero) {
        using T = decltype(zero);
        const T *x = from.const_data_ptr<T>();
        const auto *s = scales.const_data_ptr<accumulate_t<T>>();
        T *o = out.mutable_data_ptr<T>();
        // Tiles of pixels, all channels of a tile together: channels_last rows are then written while in
        // cache.
        parallel_spans(rows, layout.pixels, kTile, [&](int64_t r, int64_t first, int64_t length) {
            const Stream stream{static_cast<uint64_t>(seed), static_cast<uint64_t>(i[image[r]]),
                                static_cast<uint32_t>(d[r])};
            for (int64_t c = 0; c < layout.channels; ++c) {
                const int64_t at = first * layout.channels + c;
                add_noise_span(o + r * size + at, x + image[r] * size + at, stream, s[image[r]],
                               c * layout.pixels + first, length, layout.channels);
            }
        });
    });
    return out;
}

STABLE_TORCH_LIBRARY_IMPL(pyxai, CPU, library) {
    library.impl("add_noise", TORCH_BOX(&add_noise));
}

} // namespace pyxai
