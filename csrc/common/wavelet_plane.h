// Wavelet transform of one plane that stays in the caches: all levels of it, by one thread.
#pragma once

#include <vector>

#include "kernels/dwt.h"

namespace pyxai {

// Both directions on planes of sums. An analysis with the filters of `filters` (2, taps), or a synthesis.
template <class A>
class PlaneTransform {
public:
    enum class Direction { analysis, synthesis };

    PlaneTransform(Direction direction, const A *filters, const WaveletSizes &sizes,
                   Padding padding = Padding::zero);

    const WaveletSizes &sizes() const { return sizes_; }
    int64_t pixels() const { return sizes_.plane(0); }
    int64_t scratch() const; // values of scratch memory a call needs

    void analyse(A *coefficients, const A *plane, A *scratch) const;
    void synthesise(A *plane, const A *coefficients, A *scratch) const;

private:
    LineTaps<A> taps() const;

    WaveletSizes sizes_;
    Padding padding_;
    std::vector<A> taps_; // ax, ay, bx, by
};

} // namespace pyxai
