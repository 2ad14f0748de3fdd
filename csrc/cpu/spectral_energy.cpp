#include "kernels/spectral_energy.h"
#include "common/cpu.h"

namespace pyxai {

constexpr int64_t kBand = 64; // rows whose horizontal sums are kept in the second level cache

// The magnitude of a row of complex numbers, or its square, and `reach` values of the border on either side.
template <class A, class T>
PYXAI_CLONES void energy_row(A *line, const T *field, int64_t reach, int64_t width, bool opencv) {
    A *centre = line + reach;
    for (int64_t w = 0; w < width; ++w)
        centre[w] = energy_of<A>(field + 2 * w, opencv);
    for (int64_t i = 1; i <= reach; ++i) {
        centre[-i] = opencv ? centre[inside(-i, width, true)] : A(0);
        centre[width - 1 + i] = opencv ? centre[inside(width - 1 + i, width, true)] : A(0);
    }
}

template <class A>
struct Filter {
    const A *taps;
    int64_t size;

    // One value: the sum of taps[k] * from[k * stride].
    A at(const A *from, int64_t stride) const {
        A sum = 0;
        for (int64_t k = 0; k < size; ++k)
            sum += taps[k] * from[k * stride];
        return sum;
    }
};

// Every value of a row, along it (stride 1) or down the rows of `from`. A block of sums stays in registers;
// the last block ends where the row does.
template <class A>
PYXAI_CLONES void filter_row(A *out, const A *from, int64_t stride, const Filter<A> &filter, int64_t width) {
    constexpr int64_t block = 128 / sizeof(A);
    if (width < block) {
        for (int64_t w = 0; w < width; ++w)
            out[w] = filter.at(from + w, stride);
        return;
    }
    for (int64_t start = 0; start < width; start += block) {
        const int64_t w = std::min(start, width - block);
        A sums[block] = {};
        for (int64_t k = 0; k < filter.size; ++k) {
            const A tap = filter.taps[k], *at = from + k * stride + w;
            for (int64_t i = 0; i < block; ++i)
                sums[i] += tap * at[i];
        }
        for (int64_t i = 0; i < block; ++i)
            out[w + i] = sums[i];
    }
}

template <class A, class T>
PYXAI_CLONES void store_row(T *out, const A *smooth, int64_t width, bool opencv) {
    for (int64_t w = 0; w < width; ++w)
        out[w] = static_cast<T>(energy_from(smooth[w], opencv));
}

// Rows [first, last) of one plane's map; `field` is that plane.
template <class A, class T>
void energy_band(T *out, const T *field, const Filter<A> &filter, int64_t first, int64_t last, int64_t height,
                 int64_t width, bool opencv) {
    const int64_t reach = filter.size / 2, rows = last - first + 2 * reach;
    std::vector<A> smooth(rows * width), line(width + 2 * reach), sum(width);
    for (int64_t r = 0; r < rows; ++r) {
        const int64_t row = first - reach + r;
        if (opencv || (row >= 0 && row < height)) {
            energy_row(line.data(), field + 2 * width * inside(row, height, true), reach, width, opencv);
            filter_row(smooth.data() + r * width, line.data(), 1, filter, width);
        }
    }
    for (int64_t h = first; h < last; ++h) {
        filter_row(sum.data(), smooth.data() + (h - first) * width, width, filter, width);
        store_row(out + h * width, sum.data(), width, opencv);
    }
}

static Tensor spectral_energy(const Tensor &field, const Tensor &taps, bool opencv) {
    const int64_t planes = field.size(0), height = field.size(1), width = field.size(2), size = taps.numel();
    const Tensor dense = contiguous(field), filter = contiguous(taps);
    Tensor out = torch::stable::new_empty(dense, {planes, height, width});
    if (out.numel() == 0)
        return out;
    const int64_t bands = (height + kBand - 1) / kBand;
    dispatch_floating(field.scalar_type(), "spectral_energy", [&](auto zero) {
        using T = decltype(zero);
        using A = accumulate_t<T>;
        const T *in = dense.const_data_ptr<T>();
        T *o = out.mutable_data_ptr<T>();
        const Filter<A> weights{filter.const_data_ptr<A>(), size};
        const int64_t grain = std::max<int64_t>(1, kGrain / (std::min(kBand, height) * width * size));
        torch::stable::parallel_for(0, planes * bands, grain, [&](int64_t begin, int64_t end) {
            for (int64_t b = begin; b < end; ++b) {
                const int64_t plane = b / bands * height * width, first = b % bands * kBand;
                energy_band(o + plane, in + 2 * plane, weights, first, std::min(first + kBand, height),
                            height, width, opencv);
            }
        });
    });
    return out;
}

STABLE_TORCH_LIBRARY_IMPL(pyxai, CPU, library) {
    library.impl("spectral_energy", TORCH_BOX(&spectral_energy));
}

} // namespace pyxai
