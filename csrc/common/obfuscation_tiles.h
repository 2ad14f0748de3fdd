// An obfuscation's coefficients on the CPU, in runs of one part: noise, centre and spread of each.
#pragma once

#include <algorithm>

#include "common/noise_tile.h"
#include "common/obfuscation.h"
#include "kernels/normal_noise.h"
#include "kernels/obfuscate.h"

namespace pyxai {

// The noise of elements [first, first + size), or nothing where its spread is 0.
template <class A>
PYXAI_HD const float *noise_of(float (&buffer)[kTile + 8], const Stream &stream, bool normal, A spread,
                               int64_t first, int64_t size) {
    if (spread == 0) {
        for (int64_t i = 0; i < size; ++i)
            buffer[i] = 0;
        return buffer;
    }
    return normal ? noise_tile<Normal>(buffer, stream, first, size)
                  : noise_tile<Symmetric>(buffer, stream, first, size);
}

// f(first coefficient of a tile, its size, centre, spread) over the tiles of a plane (row, channel).
template <class T, class F>
void for_tiles(const ObfuscationArguments<T> &work, int64_t plane, F f) {
    const int64_t image = work.index[plane / work.channels];
    for (int part = 0; part <= work.sizes.levels; ++part) {
        const int64_t at = image * (work.sizes.levels + 1) + part, end = work.sizes.part(part + 1);
        for (int64_t k = work.sizes.part(part); k < end; k += kTile)
            f(k, std::min(kTile, end - k), work.centre[at], work.spread[at]);
    }
}

} // namespace pyxai
