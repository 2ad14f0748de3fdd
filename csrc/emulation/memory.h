// Memory of the emulated device: buffers between pages that cannot be touched.
#pragma once

#include <cstddef>
#include <vector>

namespace pyxai::emulation {

// Buffers one after the other, each at the very end of its pages, in memory that is reserved once.
class Arena {
public:
    Arena();

    char *take(size_t bytes);
    void clear();

    // Whether an address lies here at all, and whether one buffer has all of these bytes.
    bool holds(const void *at) const;
    bool within(const void *at, size_t bytes) const;

    size_t offset(const void *at) const { return static_cast<const char *>(at) - base_; }

private:
    struct Extent {
        char *begin, *end;
    };

    char *const base_;
    size_t used_;
    std::vector<Extent> extents_;
};

constexpr size_t kArena = size_t(1) << 26; // bytes that are reserved for one, not taken
constexpr unsigned char kPoison = 0xA5;    // what shared memory holds before it is written to

// Memory of the system that is taken when it is touched.
char *reserve(size_t bytes, bool usable);

// What operators take from torch, and what a block shares.
Arena &global_memory();
Arena &block_memory();

} // namespace pyxai::emulation
