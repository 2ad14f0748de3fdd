// Wavelet transform of many planes on a GPU: two kernels a level, one value a thread.
#pragma once

#include "common/cuda.h"
#include "common/wavelet_sizes.h"
#include "kernels/dwt.h"
#include "kernels/idwt.h"

namespace pyxai {

// Rows of `columns` values to lows and highs, (planes, 2, rows, width).
template <class A>
__global__ void analyse_rows_kernel(A *out, const A *in, const A *filters, int64_t step, WaveletSizes sizes,
                                    int j, int64_t planes, Padding padding) {
    const int64_t rows = sizes.rows[j - 1], columns = sizes.columns[j - 1], width = sizes.columns[j];
    for_elements(planes, 2 * rows * width, [&](int64_t plane, int64_t e, bool inside) {
        if (!inside)
            return;
        const int64_t filter = e / (rows * width), r = e / width % rows;
        const A *line = in + plane * step + r * columns;
        out[plane * 2 * rows * width + e] = analysed(filters + filter * sizes.taps, sizes.taps, e % width,
                                                     columns, padding, [&](int64_t i) { return line[i]; });
    });
}

// Those lows and highs to the four planes of level j.
template <class A>
__global__ void analyse_columns_kernel(A *low, int64_t low_step, A *coefficients, const A *in,
                                       const A *filters, WaveletSizes sizes, int j, int64_t planes,
                                       Padding padding) {
    const int64_t rows = sizes.rows[j - 1], width = sizes.columns[j], size = sizes.plane(j);
    for_elements(planes, 4 * size, [&](int64_t plane, int64_t e, bool inside) {
        if (!inside)
            return;
        const int64_t band = e / size, i = e % size / width; // bit 0: high along columns, bit 1: along rows
        const A *lines = in + (2 * plane + band / 2) * rows * width + e % width;
        const A value = analysed(filters + band % 2 * sizes.taps, sizes.taps, i, rows, padding,
                                 [&](int64_t r) { return lines[r * width]; });
        if (band == 0)
            low[plane * low_step + e] = value;
        else
            coefficients[plane * sizes.size + sizes.details[j] + e - size] = value;
    });
}

// The four planes of level j to lows and highs of its rows, (planes, 2, rows, width).
template <class A>
__global__ void synthesise_columns_kernel(A *out, const A *low, int64_t low_step, const A *coefficients,
                                          const A *filters, WaveletSizes sizes, int j, int64_t planes) {
    const int64_t rows = sizes.rows[j - 1], width = sizes.columns[j], size = sizes.plane(j);
    for_elements(planes, 2 * rows * width, [&](int64_t plane, int64_t e, bool inside) {
        if (!inside)
            return;
        const int64_t side = e / (rows * width), t = e / width % rows, w = e % width;
        const A *details = coefficients + plane * sizes.size + sizes.details[j];
        const A *first = side ? details + size : low + plane * low_step;
        const A *second = side ? details + 2 * size : details;
        out[plane * 2 * rows * width + e] =
            synthesised(filters, sizes.taps, t, [&](int64_t i) { return first[i * width + w]; }) +
            synthesised(filters + sizes.taps, sizes.taps, t,
                        [&](int64_t i) { return second[i * width + w]; });
    });
}

// Those to the rows of level j - 1.
template <class A>
__global__ void synthesise_rows_kernel(A *out, int64_t step, const A *in, const A *filters,
                                       WaveletSizes sizes, int j, int64_t planes) {
    const int64_t rows = sizes.rows[j - 1], columns = sizes.columns[j - 1], width = sizes.columns[j];
    for_elements(planes, rows * columns, [&](int64_t plane, int64_t e, bool inside) {
        if (!inside)
            return;
        const A *low = in + (2 * plane * rows + e / columns) * width, *high = low + rows * width;
        out[plane * step + e] =
            synthesised(filters, sizes.taps, e % columns, [&](int64_t i) { return low[i]; }) +
            synthesised(filters + sizes.taps, sizes.taps, e % columns, [&](int64_t i) { return high[i]; });
    });
}

// Memory for one level's lines and the low planes of two levels, beside the tensor `like`.
template <class A>
struct GridScratch {
    Tensor memory;
    A *lines, *lows;

    GridScratch(const Tensor &like, ScalarType type, const WaveletSizes &sizes, int64_t planes) {
        const int64_t line = 2 * sizes.most_lines, plane = sizes.most_plane;
        memory = torch::stable::new_empty(like, {planes * (line + 2 * plane)}, type);
        lines = static_cast<A *>(memory.data_ptr());
        lows = lines + planes * line;
    }

    A *low(const WaveletSizes &sizes, int j, int64_t planes) const {
        return lows + j % 2 * planes * sizes.most_plane;
    }
};

template <class A>
void analyse_planes(A *coefficients, const A *in, const A *filters, const WaveletSizes &sizes, int64_t planes,
                    Padding padding, const GridScratch<A> &scratch, const Queue &queue) {
    int64_t step = sizes.plane(0);
    if (sizes.levels == 0)
        copy_within(coefficients, in, planes * step, queue);
    for (int j = 1; j <= sizes.levels; ++j) {
        const bool last = j == sizes.levels;
        A *low = last ? coefficients : scratch.low(sizes, j, planes);
        const int64_t low_step = last ? sizes.size : sizes.plane(j);
        launch<analyse_rows_kernel<A>>(row_grid(planes, 2 * sizes.rows[j - 1] * sizes.columns[j]), kThreads,
                                       0, queue, scratch.lines, in, filters, step, sizes, j, planes, padding);
        launch<analyse_columns_kernel<A>>(row_grid(planes, 4 * sizes.plane(j)), kThreads, 0, queue, low,
                                          low_step, coefficients, scratch.lines, filters, sizes, j, planes,
                                          padding);
        in = low;
        step = low_step;
    }
}

template <class A>
void synthesise_planes(A *out, const A *coefficients, const A *filters, const WaveletSizes &sizes,
                       int64_t planes, const GridScratch<A> &scratch, const Queue &queue) {
    if (sizes.levels == 0)
        copy_within(out, coefficients, planes * sizes.size, queue);
    const A *low = coefficients;
    int64_t low_step = sizes.size;
    for (int j = sizes.levels; j > 0; --j) {
        A *to = j == 1 ? out : scratch.low(sizes, j, planes);
        launch<synthesise_columns_kernel<A>>(row_grid(planes, 2 * sizes.rows[j - 1] * sizes.columns[j]),
                                             kThreads, 0, queue, scratch.lines, low, low_step, coefficients,
                                             filters, sizes, j, planes);
        low_step = sizes.plane(j - 1);
        launch<synthesise_rows_kernel<A>>(row_grid(planes, low_step), kThreads, 0, queue, to, low_step,
                                          scratch.lines, filters, sizes, j, planes);
        low = to;
    }
}

// f(out, in) on tensors of sums; others are widened before and rounded after.
template <class F>
Tensor in_sums(const Tensor &in, const std::vector<int64_t> &shape, F f) {
    const bool wide = in.scalar_type() == ScalarType::Double || in.scalar_type() == ScalarType::Float;
    const Tensor from = wide ? contiguous(in) : torch::stable::to(contiguous(in), ScalarType::Float);
    Tensor out = torch::stable::new_empty(from, shape);
    f(out, from);
    return wide ? out : torch::stable::to(out, in.scalar_type());
}

} // namespace pyxai
