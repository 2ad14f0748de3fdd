// Noise for the CPU loops, many elements at a time.
#pragma once

#include "common/philox.h"

namespace pyxai {

constexpr int64_t kTile = 1024; // elements asked for at once; their words stay in the first level cache

// Writes elements [first, first + size) of a stream, size <= kTile, to some place in `buffer` and returns
// that place. Made in two loops, so that each fills whole vectors.
template <class Distribution>
PYXAI_HD const float *noise_tile(float (&buffer)[kTile + 8], const Stream &stream, int64_t first,
                                 int64_t size) {
    uint32_t words[4][kTile / 4 + 2];
    const int64_t block = first / 4, blocks = (first + size + 3) / 4 - block;
    for (int64_t b = 0; b < blocks; ++b) {
        const Words made = stream.words(static_cast<uint32_t>(block + b));
        for (int j = 0; j < 4; ++j)
            words[j][b] = made.w[j];
    }
    for (int64_t b = 0; b < blocks; ++b)
        for (int j = 0; j < 4; ++j)
            buffer[4 * b + j] = Distribution::value(words[j][b]);
    return buffer + first % 4;
}

} // namespace pyxai
