// Arguments of both directions of an obfuscation.
#pragma once

#include "common/philox.h"
#include "common/torch.h"
#include "common/wavelet_sizes.h"

namespace pyxai {

// The tensors, contiguous.
struct ObfuscationTensors {
    Tensor coefficients, centre, spread, index, ids, draws, filters, black, white;

    ObfuscationTensors(const Tensor &coefficients, const Tensor &centre, const Tensor &spread,
                       const Tensor &index, const Tensor &ids, const Tensor &draws, const Tensor &filters,
                       const Tensor &black, const Tensor &white)
        : coefficients(contiguous(coefficients)), centre(contiguous(centre)), spread(contiguous(spread)),
          index(contiguous(index)), ids(contiguous(ids)), draws(contiguous(draws)),
          filters(contiguous(filters)), black(contiguous(black)), white(contiguous(white)) {}
};

// The same as plain pointers, for loops and kernels.
template <class T>
struct ObfuscationArguments {
    using A = accumulate_t<T>;

    const T *coefficients;
    const A *mask = nullptr, *centre, *spread, *filters, *black, *white;
    const int64_t *index, *ids, *draws;
    WaveletSizes sizes;
    int64_t channels;
    bool normal;
    uint64_t seed;

    ObfuscationArguments(const ObfuscationTensors &t, const WaveletSizes &sizes, bool normal, int64_t seed)
        : coefficients(t.coefficients.const_data_ptr<T>()), centre(t.centre.const_data_ptr<A>()),
          spread(t.spread.const_data_ptr<A>()), filters(t.filters.const_data_ptr<A>()),
          black(t.black.const_data_ptr<A>()), white(t.white.const_data_ptr<A>()),
          index(t.index.const_data_ptr<int64_t>()), ids(t.ids.const_data_ptr<int64_t>()),
          draws(t.draws.const_data_ptr<int64_t>()), sizes(sizes), channels(t.coefficients.size(1)),
          normal(normal), seed(static_cast<uint64_t>(seed)) {}

    PYXAI_HD Stream stream(int64_t row) const {
        return {seed, static_cast<uint64_t>(ids[index[row]]), static_cast<uint32_t>(draws[row])};
    }
};

} // namespace pyxai
