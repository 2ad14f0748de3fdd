// The counter-based generator behind all noise: Philox4x32-10 (Salmon et al. 2011).
#pragma once

#include "common/hd.h"

namespace pyxai {

struct Words {
    uint32_t w[4];
};

// Ten rounds over the counter, keyed by the two halves of `seed`. Words live in 64-bit lanes, whose upper
// halves are never read: so the widening product is one instruction and needs no shuffle.
PYXAI_HD Words philox(Words counter, uint64_t seed) {
    constexpr uint64_t low = 0xffffffffu;
    uint64_t c0 = counter.w[0], c1 = counter.w[1], c2 = counter.w[2], c3 = counter.w[3];
    uint32_t k0 = static_cast<uint32_t>(seed), k1 = static_cast<uint32_t>(seed >> 32);
    for (int round = 0; round < 10; ++round) {
        const uint64_t p0 = (c0 & low) * 0xD2511F53u, p1 = (c2 & low) * 0xCD9E8D57u;
        c0 = p1 >> 32 ^ c1 ^ k0;
        c1 = p1;
        c2 = p0 >> 32 ^ c3 ^ k1;
        c3 = p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return {{static_cast<uint32_t>(c0), static_cast<uint32_t>(c1), static_cast<uint32_t>(c2),
             static_cast<uint32_t>(c3)}};
}

// Which stream of words: one sample's one draw under one seed. Its elements 4k … 4k+3 come from counter k.
struct Stream {
    uint64_t seed, id;
    uint32_t draw;

    PYXAI_HD Words words(uint32_t k) const {
        return philox({{k, draw, static_cast<uint32_t>(id), static_cast<uint32_t>(id >> 32)}}, seed);
    }
};

} // namespace pyxai
