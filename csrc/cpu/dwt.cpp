#include "kernels/dwt.h"
#include "common/cpu.h"
#include "common/padding.h"
#include "common/wavelet_lines.h"
#include "common/wavelet_plane.h"
#include "common/wavelet_planes.h"

namespace pyxai {

// Level j: `plane` of level j - 1 to `low` and three planes of details. Rows first, all of them, then
// columns.
template <int Half, class A>
PYXAI_CLONES void analyse_level(A *low, A *details, const A *plane, const WaveletSizes &sizes, int j,
                                Padding padding, const LineTaps<A> &taps, A *scratch) {
    const int64_t rows = sizes.rows[j - 1], columns = sizes.columns[j - 1], half = sizes.taps / 2;
    const int64_t below = sizes.rows[j], width = sizes.columns[j], size = sizes.plane(j);
    std::vector<const A *> x(half), y(half);
    A *lows = scratch, *highs = lows + rows * width, *zeros = highs + rows * width;
    A *even = zeros + width + half - 1, *odd = even + width + half; // places -(half - 1) … width - 1 of each
    for (int64_t q = 0; q < half; ++q) {
        x[q] = odd - q;
        y[q] = even - q;
    }
    for (int64_t r = 0; r < rows; ++r) {
        const A *line = plane + r * columns;
        const auto value = [&](int64_t t) {
            const int64_t place = continued(t, columns, padding);
            return place < 0 ? A(0) : line[place];
        };
        for (int64_t i = 0; i < columns / 2; ++i) {
            even[i] = line[2 * i];
            odd[i] = line[2 * i + 1];
        }
        for (int64_t i = 1 - half; i < 0; ++i) {
            even[i] = value(2 * i);
            odd[i] = value(2 * i + 1);
        }
        for (int64_t i = columns / 2; i < width; ++i) {
            even[i] = value(2 * i);
            odd[i] = value(2 * i + 1);
        }
        two_lines<Half>(half, lows + r * width, highs + r * width, x.data(), y.data(), taps, width);
    }
    for (int64_t i = 0; i < width; ++i)
        zeros[i] = 0;
    for (int64_t i = 0; i < below; ++i)
        for (int side = 0; side < 2; ++side) {
            const A *lines = side ? highs : lows;
            const auto row = [&](int64_t t) {
                const int64_t place = continued(t, rows, padding);
                return place < 0 ? zeros : lines + place * width;
            };
            for (int64_t q = 0; q < half; ++q) {
                x[q] = row(2 * (i - q) + 1);
                y[q] = row(2 * (i - q));
            }
            A *first = (side ? details + size : low) + i * width;
            A *second = (side ? details + 2 * size : details) + i * width;
            two_lines<Half>(half, first, second, x.data(), y.data(), taps, width);
        }
}

template <class A>
PlaneAnalysis<A>::PlaneAnalysis(const A *filters, const WaveletSizes &sizes, Padding padding)
    : sizes_(sizes), padding_(padding), taps_(2 * sizes.taps) {
    // a: low, b: high; x: odd places, y: even ones
    const int64_t half = sizes.taps / 2;
    for (int64_t q = 0; q < half; ++q)
        for (int filter = 0; filter < 2; ++filter) {
            taps_[2 * filter * half + q] = filters[filter * sizes.taps + 2 * q];
            taps_[(2 * filter + 1) * half + q] = filters[filter * sizes.taps + 2 * q + 1];
        }
}

template <class A>
void PlaneAnalysis<A>::operator()(A *coefficients, const A *plane, A *scratch) const {
    if (sizes_.levels == 0)
        std::copy(plane, plane + sizes_.plane(0), coefficients);
    for (int j = 1; j <= sizes_.levels; ++j) {
        A *low = j == sizes_.levels ? coefficients : scratch + j % 2 * sizes_.most_plane;
        with_half(sizes_.taps / 2, [&](auto half) {
            analyse_level<half.value>(low, coefficients + sizes_.details[j], plane, sizes_, j, padding_,
                                      line_taps(taps_), scratch + 2 * sizes_.most_plane);
        });
        plane = low;
    }
}

template class PlaneAnalysis<float>;
template class PlaneAnalysis<double>;

static Tensor dwt(const Tensor &images, const Tensor &filters, int64_t levels, std::string padding) {
    const WaveletSizes sizes(images.size(2), images.size(3), static_cast<int>(levels), filters.size(1));
    const Padding beyond = padding_named(padding);
    const Tensor planes = contiguous(images), taps = contiguous(filters);
    Tensor out = torch::stable::new_empty(planes, {images.size(0), images.size(1), sizes.size});
    dispatch_floating(images.scalar_type(), "dwt", [&](auto zero) {
        using T = decltype(zero);
        using A = accumulate_t<T>;
        const PlaneAnalysis<A> analyse(taps.const_data_ptr<A>(), sizes, beyond);
        transform_planes(out.mutable_data_ptr<T>(), planes.const_data_ptr<T>(),
                         images.size(0) * images.size(1), sizes.size, sizes.plane(0), plane_scratch(sizes),
                         analyse);
    });
    return out;
}

STABLE_TORCH_LIBRARY_IMPL(pyxai, CPU, library) {
    library.impl("dwt", TORCH_BOX(&dwt));
}

} // namespace pyxai
