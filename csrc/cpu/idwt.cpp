#include "kernels/idwt.h"
#include "common/cpu.h"
#include "common/wavelet_lines.h"
#include "common/wavelet_plane.h"
#include "common/wavelet_planes.h"

namespace pyxai {

template <class A>
PYXAI_HD void interleave(A *__restrict out, const A *even, const A *odd, int64_t size) {
    for (int64_t i = 0; i < size / 2; ++i) {
        out[2 * i] = even[i];
        out[2 * i + 1] = odd[i];
    }
    if (size % 2)
        out[size - 1] = even[size / 2];
}

// Level j back: two rows of `plane`, of level j - 1, at a time. Columns first, then the rows they give.
template <int Half, class A>
PYXAI_CLONES void synthesise_level(A *plane, const A *low, const A *details, const WaveletSizes &sizes, int j,
                                   const LineTaps<A> &taps, A *scratch) {
    const int64_t rows = sizes.rows[j - 1], columns = sizes.columns[j - 1], half = sizes.taps / 2;
    const int64_t width = sizes.columns[j], size = sizes.plane(j), pairs = (columns + 1) / 2;
    std::vector<const A *> x(half), y(half);
    A *lines[2][2] = {{scratch, scratch + width}, {scratch + 2 * width, scratch + 3 * width}};
    A *even = scratch + 4 * width, *odd = even + pairs;
    for (int64_t u = 0; u < (rows + 1) / 2; ++u) {
        for (int side = 0; side < 2; ++side) {
            for (int64_t q = 0; q < half; ++q) {
                x[q] = (side ? details + size : low) + (u + q) * width;
                y[q] = (side ? details + 2 * size : details) + (u + q) * width;
            }
            two_lines<Half>(half, lines[0][side], lines[1][side], x.data(), y.data(), taps, width);
        }
        for (int64_t s = 0; s < 2 && 2 * u + s < rows; ++s) {
            for (int64_t q = 0; q < half; ++q) {
                x[q] = lines[s][0] + q;
                y[q] = lines[s][1] + q;
            }
            two_lines<Half>(half, even, odd, x.data(), y.data(), taps, pairs);
            interleave(plane + (2 * u + s) * columns, even, odd, columns);
        }
    }
}

template <class A>
PlaneSynthesis<A>::PlaneSynthesis(const A *filters, const WaveletSizes &sizes)
    : sizes_(sizes), taps_(2 * sizes.taps) {
    // a: even places, b: odd ones; x: low, y: high
    const int64_t size = sizes.taps, half = size / 2;
    for (int64_t q = 0; q < half; ++q)
        for (int filter = 0; filter < 2; ++filter) {
            taps_[filter * half + q] = filters[filter * size + synthesis_tap(size, q, 0)];
            taps_[(2 + filter) * half + q] = filters[filter * size + synthesis_tap(size, q, 1)];
        }
}

template <class A>
void PlaneSynthesis<A>::operator()(A *plane, const A *coefficients, A *scratch) const {
    if (sizes_.levels == 0)
        std::copy(coefficients, coefficients + sizes_.plane(0), plane);
    const A *low = coefficients;
    for (int j = sizes_.levels; j > 0; --j) {
        A *to = j == 1 ? plane : scratch + j % 2 * sizes_.most_plane;
        with_half(sizes_.taps / 2, [&](auto half) {
            synthesise_level<half.value>(to, low, coefficients + sizes_.details[j], sizes_, j,
                                         line_taps(taps_), scratch + 2 * sizes_.most_plane);
        });
        low = to;
    }
}

template class PlaneSynthesis<float>;
template class PlaneSynthesis<double>;

static Tensor idwt(const Tensor &coefficients, const Tensor &filters, int64_t levels, int64_t height,
                   int64_t width) {
    const WaveletSizes sizes(height, width, static_cast<int>(levels), filters.size(1));
    const Tensor rows = contiguous(coefficients), taps = contiguous(filters);
    const int64_t images = coefficients.size(0), channels = coefficients.size(1);
    Tensor out = torch::stable::new_empty(rows, {images, channels, height, width});
    dispatch_floating(coefficients.scalar_type(), "idwt", [&](auto zero) {
        using T = decltype(zero);
        using A = accumulate_t<T>;
        const PlaneSynthesis<A> synthesise(taps.const_data_ptr<A>(), sizes);
        transform_planes(out.mutable_data_ptr<T>(), rows.const_data_ptr<T>(), images * channels,
                         sizes.plane(0), sizes.size, plane_scratch(sizes), synthesise);
    });
    return out;
}

STABLE_TORCH_LIBRARY_IMPL(pyxai, CPU, library) {
    library.impl("idwt", TORCH_BOX(&idwt));
}

} // namespace pyxai
