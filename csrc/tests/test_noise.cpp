// Known answers of the generator, and one checksum over many values that every instruction set must give.
#include "check.h"
#include "common/noise_tile.h"
#include "kernels/noise.h"

using namespace pyxai;

static bool equal(Words a, Words b) {
    return std::memcmp(a.w, b.w, sizeof a.w) == 0;
}

static uint64_t checksum(uint64_t sum, const float *values, int64_t size) {
    for (int64_t i = 0; i < size; ++i)
        sum = (sum ^ static_cast<uint32_t>(bits_of_float(values[i]))) * 0x100000001b3u; // FNV-1a
    return sum;
}

int main() {
    skip_unless_supported();
    // The authors' vectors.
    CHECK(equal(philox({{0, 0, 0, 0}}, 0), {{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}}));
    CHECK(equal(philox({{~0u, ~0u, ~0u, ~0u}}, ~uint64_t{0}),
                {{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}}));
    CHECK(equal(philox({{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}}, 0x299f31d0a4093822),
                {{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}}));

    CHECK(Uniform::value(0) == 0x1p-24f);
    CHECK(Uniform::value(~0u) == 1.0f - 0x1p-24f);
    CHECK(Normal::value(0) == -Normal::value(~0u));
    CHECK(Normal::value(0x7fffffff) == -Normal::value(0x80000000));
    CHECK(Normal::value(0x80000000) > 0.0f);

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
