#include "kernels/dwt.h"
#include "common/cpu.h"
#include "common/wavelet.h"
#include "common/wavelet_plane.h"

namespace pyxai {

template <int Half, class A>
PYXAI_HD void two_lines(int64_t half, A *a, A *b, const A *const *x, const A *const *y,
                        const LineTaps<A> &taps, int64_t size) {
    if constexpr (Half > 0)
        two_sums<Half>(a, b, x, y, taps, size);
    else
        two_sums(half, a, b, x, y, taps, size);
}

template <class A>
PYXAI_HD void interleave(A *__restrict out, const A *even, const A *odd, int64_t size) {
    for (int64_t i = 0; i < size / 2; ++i) {
        out[2 * i] = even[i];
        out[2 * i + 1] = odd[i];
    }
    if (size % 2)
        out[size - 1] = even[size / 2];
}

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

// f of the number of taps by two as a constant, where it is a common one; else of 0.
template <class F>
void with_half(int64_t half, F f) {
    switch (half) {
    case 1:
        return f(std::integral_constant<int, 1>{});
    case 2:
        return f(std::integral_constant<int, 2>{});
    case 3:
        return f(std::integral_constant<int, 3>{});
    case 4:
        return f(std::integral_constant<int, 4>{});
    default:
        return f(std::integral_constant<int, 0>{});
    }
}

template <class A>
PlaneTransform<A>::PlaneTransform(Direction direction, const A *filters, const WaveletSizes &sizes,
                                  Padding padding)
    : sizes_(sizes), padding_(padding), taps_(2 * sizes.taps) {
    const int64_t size = sizes.taps, half = size / 2;
    for (int64_t q = 0; q < half; ++q)
        for (int filter = 0; filter < 2; ++filter) {
            const A *taps = filters + filter * size;
            if (direction == Direction::analysis) { // a: low, b: high; x: odd places, y: even ones
                taps_[2 * filter * half + q] = taps[2 * q];
                taps_[(2 * filter + 1) * half + q] = taps[2 * q + 1];
            } else { // a: even places, b: odd ones; x: low, y: high
                taps_[filter * half + q] = taps[size - 2 - 2 * q];
                taps_[(2 + filter) * half + q] = taps[size - 1 - 2 * q];
            }
        }
}

template <class A>
LineTaps<A> PlaneTransform<A>::taps() const {
    const int64_t half = sizes_.taps / 2;
    const A *first = taps_.data();
    return {first, first + half, first + 2 * half, first + 3 * half};
}

template <class A>
int64_t PlaneTransform<A>::scratch() const {
    return 2 * sizes_.most_plane + 2 * sizes_.most_lines + 8 * (sizes_.most_columns + sizes_.taps);
}

template <class A>
void PlaneTransform<A>::analyse(A *coefficients, const A *plane, A *scratch) const {
    if (sizes_.levels == 0)
        std::copy(plane, plane + pixels(), coefficients);
    for (int j = 1; j <= sizes_.levels; ++j) {
        A *low = j == sizes_.levels ? coefficients : scratch + j % 2 * sizes_.most_plane;
        with_half(sizes_.taps / 2, [&](auto half) {
            analyse_level<half.value>(low, coefficients + sizes_.details[j], plane, sizes_, j, padding_,
                                      taps(), scratch + 2 * sizes_.most_plane);
        });
        plane = low;
    }
}

template <class A>
void PlaneTransform<A>::synthesise(A *plane, const A *coefficients, A *scratch) const {
    if (sizes_.levels == 0)
        std::copy(coefficients, coefficients + pixels(), plane);
    const A *low = coefficients;
    for (int j = sizes_.levels; j > 0; --j) {
        A *to = j == 1 ? plane : scratch + j % 2 * sizes_.most_plane;
        with_half(sizes_.taps / 2, [&](auto half) {
            synthesise_level<half.value>(to, low, coefficients + sizes_.details[j], sizes_, j, taps(),
                                         scratch + 2 * sizes_.most_plane);
        });
        low = to;
    }
}

template class PlaneTransform<float>;
template class PlaneTransform<double>;

// One plane after the other on each thread: f(row in, row out, memory of `scratch` values).
template <class A, class F>
static void parallel_planes(int64_t planes, int64_t size, int64_t scratch, F f) {
    const int64_t grain = std::max<int64_t>(1, kGrain / std::max<int64_t>(size, 1));
    torch::stable::parallel_for(0, planes, grain, [&](int64_t begin, int64_t end) {
        std::vector<A> memory(scratch);
        for (int64_t p = begin; p < end; ++p)
            f(p, memory.data());
    });
}

// Planes or coefficients as sums: as they are, or widened into `room`.
template <class A, class T>
PYXAI_CLONES const A *widened(const T *from, A *room, int64_t size) {
    if constexpr (std::is_same_v<A, T>)
        return from;
    else {
        for (int64_t i = 0; i < size; ++i)
            room[i] = static_cast<A>(from[i]);
        return room;
    }
}

template <class A, class T>
PYXAI_CLONES void narrowed(T *to, const A *from, int64_t size) {
    for (int64_t i = 0; i < size; ++i)
        to[i] = static_cast<T>(from[i]);
}

// f(out, in) of planes of sums, for planes of any type.
template <class T, class F>
static void transform_planes(T *out, const T *in, int64_t planes, int64_t out_size, int64_t in_size,
                             int64_t scratch, F f) {
    using A = accumulate_t<T>;
    constexpr bool same = std::is_same_v<A, T>;
    const int64_t room = same ? 0 : in_size + out_size;
    parallel_planes<A>(planes, in_size, scratch + room, [&](int64_t p, A *memory) {
        A *wide_out = memory + scratch + in_size;
        if constexpr (same)
            wide_out = out + p * out_size;
        f(wide_out, widened(in + p * in_size, memory + scratch, in_size), memory);
        if constexpr (!same)
            narrowed(out + p * out_size, wide_out, out_size);
    });
}

static Tensor dwt(const Tensor &images, const Tensor &filters, int64_t levels, std::string padding) {
    const WaveletSizes sizes(images.size(2), images.size(3), static_cast<int>(levels), filters.size(1));
    const Padding beyond = padding_named(padding);
    const Tensor planes = contiguous(images), taps = contiguous(filters);
    Tensor out = torch::stable::new_empty(planes, {images.size(0), images.size(1), sizes.size});
    dispatch_floating(images.scalar_type(), "dwt", [&](auto zero) {
        using T = decltype(zero);
        using A = accumulate_t<T>;
        const PlaneTransform<A> transform(PlaneTransform<A>::Direction::analysis, taps.const_data_ptr<A>(),
                                          sizes, beyond);
        transform_planes(out.mutable_data_ptr<T>(), planes.const_data_ptr<T>(),
                         images.size(0) * images.size(1), sizes.size, transform.pixels(), transform.scratch(),
                         [&](A *to, const A *from, A *scratch) { transform.analyse(to, from, scratch); });
    });
    return out;
}

static Tensor idwt(const Tensor &coefficients, const Tensor &filters, int64_t levels, int64_t height,
                   int64_t width) {
    const WaveletSizes sizes(height, width, static_cast<int>(levels), filters.size(1));
    const Tensor rows = contiguous(coefficients), taps = contiguous(filters);
    const int64_t images = coefficients.size(0), channels = coefficients.size(1);
    Tensor out = torch::stable::new_empty(rows, {images, channels, height, width});
    dispatch_floating(coefficients.scalar_type(), "idwt", [&](auto zero) {
        using T = decltype(zero);
        using A = accumulate_t<T>;
        const PlaneTransform<A> transform(PlaneTransform<A>::Direction::synthesis, taps.const_data_ptr<A>(),
                                          sizes);
        transform_planes(out.mutable_data_ptr<T>(), rows.const_data_ptr<T>(), images * channels,
                         transform.pixels(), sizes.size, transform.scratch(),
                         [&](A *to, const A *from, A *scratch) { transform.synthesise(to, from, scratch); });
    });
    return out;
}

STABLE_TORCH_LIBRARY_IMPL(pyxai, CPU, library) {
    library.impl("dwt", TORCH_BOX(&dwt));
    library.impl("idwt", TORCH_BOX(&idwt));
}

} // namespace pyxai
