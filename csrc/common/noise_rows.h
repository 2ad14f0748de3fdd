// The CPU loop of the operators that make noise: rows of numbers out of any distribution.
#pragma once

#include "common/cpu.h"
#include "common/noise_tile.h"

namespace pyxai {

template <class Distribution, class T>
PYXAI_CLONES void noise_span(T *out, const Stream &stream, int64_t first, int64_t size) {
    float buffer[kTile + 8];
    const float *noise = noise_tile<Distribution>(buffer, stream, first, size);
    for (int64_t i = 0; i < size; ++i)
        out[i] = static_cast<T>(noise[i]);
}

template <class Distribution>
Tensor noise_rows(const char *op, const Tensor &ids, const Tensor &draws, int64_t seed,
                  std::vector<int64_t> shape, ScalarType dtype) {
    const int64_t rows = ids.numel();
    shape.insert(shape.begin(), rows);
    Tensor out = torch::stable::empty(shape, dtype, std::nullopt, ids.device());
    const Tensor id = contiguous(ids), draw = contiguous(draws);
    const auto *i = id.const_data_ptr<int64_t>(), *d = draw.const_data_ptr<int64_t>();
    const int64_t size = row_size(out);
    dispatch_floating(dtype, op, [&](auto zero) {
        using T = decltype(zero);
        T *o = out.mutable_data_ptr<T>();
        parallel_spans(rows, size, kTile, [&](int64_t r, int64_t first, int64_t length) {
            const Stream stream{static_cast<uint64_t>(seed), static_cast<uint64_t>(i[r]),
                                static_cast<uint32_t>(d[r])};
            noise_span<Distribution>(o + r * size + first, stream, first, length);
        });
    });
    return out;
}

} // namespace pyxai
