// Symmetry and ends of the inverse distribution function, and one checksum over many values that every
// instruction set must give.
#include "check.h"
#include "common/noise_tile.h"
#include "kernels/normal_noise.h"

using namespace pyxai;

static uint64_t checksum(uint64_t sum, const float *values, int64_t size) {
    for (int64_t i = 0; i < size; ++i)
        sum = (sum ^ static_cast<uint32_t>(bits_of_float(values[i]))) * 0x100000001b3u; // FNV-1a
    return sum;
}

int main() {
    skip_unless_supported();
    CHECK(Normal::value(0) == -Normal::value(~0u));
    CHECK(Normal::value(0x7fffffff) == -Normal::value(0x80000000));
    CHECK(Normal::value(0x80000000) > 0.0f);
    CHECK(Normal::value(~0u) > 6.33f && Normal::value(~0u) < 6.34f);

    const Stream stream{0x0123456789abcdef, 0xfedcba9876543210, 42};
    float whole[kTile + 8], part[kTile + 8];
    uint64_t sum = 0xcbf29ce484222325;
    for (int64_t tile = 0; tile < 64; ++tile) {
        const float *values = noise_tile<Normal>(whole, stream, tile * kTile, kTile);
        sum = checksum(sum, values, kTile);
        // A tile that starts inside a counter's four elements.
        const float *tail = noise_tile<Normal>(part, stream, tile * kTile + 3, kTile - 3);
        CHECK(std::memcmp(tail, values + 3, (kTile - 3) * sizeof(float)) == 0);
    }

    CHECK(sum == 0xf5d8ae0a472145ac); // the same in every instruction set, and in pyxai.ops.normal_noise
}
