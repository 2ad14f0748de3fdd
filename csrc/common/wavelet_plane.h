// Wavelet transform of one plane that stays in the caches: all levels of it, by one thread.
#pragma once

#include <vector>

#include "common/wavelet_sizes.h"
#include "kernels/dwt.h"

namespace pyxai {

// Values of scratch memory that a call of either direction needs.
inline int64_t plane_scratch(const WaveletSizes &sizes) {
    return 2 * sizes.most_plane + 2 * sizes.most_lines + 8 * (sizes.most_columns + sizes.taps);
}

// A plane of sums to its coefficients, with the filters of `filters` (2, taps). Defined in cpu/dwt.cpp.
template <class A>
class PlaneAnalysis {
public:
    PlaneAnalysis(const A *filters, const WaveletSizes &sizes, Padding padding = Padding::zero);

    void operator()(A *coefficients, const A *plane, A *scratch) const;

private:
    WaveletSizes sizes_;
    Padding padding_;
    std::vector<A> taps_; // as line_taps has them
};

// And back. Defined in cpu/idwt.cpp.
template <class A>
class PlaneSynthesis {
public:
    PlaneSynthesis(const A *filters, const WaveletSizes &sizes);

    void operator()(A *plane, const A *coefficients, A *scratch) const;

private:
    WaveletSizes sizes_;
    std::vector<A> taps_; // as line_taps has them
};

} // namespace pyxai
