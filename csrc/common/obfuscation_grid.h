// An obfuscation's coefficients on a GPU, one a thread.
#pragma once

#include "common/cuda.h"
#include "common/obfuscation.h"
#include "kernels/normal_noise.h"
#include "kernels/obfuscate.h"

namespace pyxai {

// What stands in the place of coefficient k of a row's channel.
template <class T>
__device__ __forceinline__ accumulate_t<T> replacement_at(const ObfuscationArguments<T> &work, int64_t row,
                                                          int64_t channel, int64_t k) {
    int part = 0;
    while (k >= work.sizes.part(part + 1))
        ++part;
    const int64_t at = work.index[row] * (work.sizes.levels + 1) + part;
    const int64_t element = channel * work.sizes.size + k;
    const uint32_t word = work.stream(row).words(static_cast<uint32_t>(element / 4)).w[element % 4];
    const float noise = work.normal ? Normal::value(word) : Symmetric::value(word);
    return replacement(work.centre[at], work.spread[at], noise);
}

} // namespace pyxai
