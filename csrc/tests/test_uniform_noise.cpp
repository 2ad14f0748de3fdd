#include <initializer_list>

#include "check.h"
#include "common/noise_tile.h"
#include "kernels/uniform_noise.h"

using namespace pyxai;

int main() {
    skip_unless_supported();
    CHECK(Uniform::value(0) == 0x1p-24f);
    CHECK(Uniform::value(~0u) == 1.0f - 0x1p-24f);
    CHECK(Uniform::value(0x80000000) == 0.5f + 0x1p-24f);
    // The lowest eight bits do not count, and of the others the last is always set.
    CHECK(Uniform::value(0x00000300) == 3 * 0x1p-24f && Uniform::value(0x000002ff) == 3 * 0x1p-24f);

    // A row made in tiles has the words of its counters in their order.
    const Stream stream{7, 11, 13};
    float buffer[kTile + 8];
    for (int64_t first : {int64_t(0), kTile, kTile + 2}) {
        const float *values = noise_tile<Uniform>(buffer, stream, first, 9);
        for (int64_t i = first; i < first + 9; ++i)
            CHECK(values[i - first] == Uniform::value(stream.words(i / 4).w[i % 4]));
    }
}
