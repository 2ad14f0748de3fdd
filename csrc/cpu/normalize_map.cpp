#include "kernels/normalize_map.h"
#include "common/cpu.h"
#include "common/extents.h"

namespace pyxai {

constexpr int kSides = 32; // least and greatest values that are kept beside each other, as vectors

template <class A, class T>
PYXAI_CLONES Extent<A> extent_of(const T *map, int64_t size, A floor) {
    A least[kSides], greatest[kSides];
    for (int side = 0; side < kSides; ++side)
        least[side] = greatest[side] = rectified(map[0], floor);
    int64_t i = 0;
    for (; i + kSides <= size; i += kSides)
        for (int side = 0; side < kSides; ++side) {
            const A value = rectified(map[i + side], floor);
            least[side] = lesser(least[side], value);
            greatest[side] = greater(greatest[side], value);
        }
    Extent<A> extent{least[0], greatest[0]};
    for (; i < size; ++i) {
        const A value = rectified(map[i], floor);
        extent = {lesser(extent.least, value), greater(extent.greatest, value)};
    }
    for (int side = 1; side < kSides; ++side)
        extent = {lesser(extent.least, least[side]), greater(extent.greatest, greatest[side])};
    return extent;
}

template <class T>
PYXAI_CLONES void normalize_row(T *out, const T *map, int64_t size, bool relu, Range range) {
    using A = accumulate_t<T>;
    const A floor = floor_of<A>(relu);
    const Scaling<A> scaled = range == Range::none ? Scaling<A>{} : extent_of(map, size, floor).within(range);
    for (int64_t i = 0; i < size; ++i)
        out[i] = static_cast<T>(scaled(rectified(map[i], floor)));
}

static Tensor normalize_map(const Tensor &maps, bool relu, std::string range) {
    const int64_t rows = maps.size(0), size = maps.size(1);
    const Tensor dense = contiguous(maps), out = new_rows(dense, rows);
    if (out.numel() == 0)
        return out;
    const Range of = range_named(range);
    dispatch_floating(maps.scalar_type(), "normalize_map", [&](auto zero) {
        using T = decltype(zero);
        const T *in = dense.const_data_ptr<T>();
        T *o = out.mutable_data_ptr<T>();
        torch::stable::parallel_for(0, rows, std::max<int64_t>(1, kGrain / size),
                                    [&](int64_t begin, int64_t end) {
                                        for (int64_t r = begin; r < end; ++r)
                                            normalize_row(o + r * size, in + r * size, size, relu, of);
                                    });
    });
    return out;
}

STABLE_TORCH_LIBRARY_IMPL(pyxai, CPU, library) {
    library.impl("normalize_map", TORCH_BOX(&normalize_map));
}

} // namespace pyxai
