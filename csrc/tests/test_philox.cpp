// Known answers of the generator, from its authors, and which counter a stream's words come from.
#include <cstring>

#include "check.h"
#include "common/philox.h"

using namespace pyxai;

static bool equal(Words a, Words b) {
    return std::memcmp(a.w, b.w, sizeof a.w) == 0;
}

int main() {
    skip_unless_supported();
    CHECK(equal(philox({{0, 0, 0, 0}}, 0), {{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}}));
    CHECK(equal(philox({{~0u, ~0u, ~0u, ~0u}}, ~uint64_t{0}),
                {{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}}));
    CHECK(equal(philox({{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}}, 0x299f31d0a4093822),
                {{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}}));
    // The block, the draw, and the two halves of the id.
    const Stream stream{0x299f31d0a4093822, 0x0370734413198a2e, 0x85a308d3};
    CHECK(equal(stream.words(0x243f6a88), {{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}}));
}
