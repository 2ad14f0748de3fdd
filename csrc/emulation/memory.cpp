#include "emulation/memory.h"

#include <algorithm>
#include <stdexcept>
#include <sys/mman.h>

namespace pyxai::emulation {

constexpr size_t kPage = 4096;

char *reserve(size_t bytes, bool usable) {
    void *at = mmap(nullptr, bytes, usable ? PROT_READ | PROT_WRITE : PROT_NONE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED)
        throw std::runtime_error("emulation: the system gives no memory");
    return static_cast<char *>(at);
}

Arena::Arena() : base_(reserve(kArena, false)), used_(kPage) {}

char *Arena::take(size_t bytes) {
    const size_t room = (bytes + kPage - 1) / kPage * kPage;
    if (used_ + room + kPage > kArena)
        throw std::runtime_error("emulation: one call takes more than 64 MiB");
    char *begin = base_ + used_, *end = begin + room;
    if (room > 0 && mprotect(begin, room, PROT_READ | PROT_WRITE) != 0)
        throw std::runtime_error("emulation: the system gives no memory");
    used_ += room + kPage;
    extents_.push_back({end - bytes, end});
    return end - bytes;
}

void Arena::clear() {
    mprotect(base_, used_, PROT_NONE);
    used_ = kPage;
    extents_.clear();
}

bool Arena::holds(const void *at) const {
    return at >= base_ && at < base_ + kArena;
}

bool Arena::within(const void *at, size_t bytes) const {
    const char *first = static_cast<const char *>(at);
    const auto after = std::upper_bound(extents_.begin(), extents_.end(), first,
                                        [](const char *a, const Extent &e) { return a < e.begin; });
    return after != extents_.begin() && first + bytes <= after[-1].end;
}

Arena &global_memory() {
    static Arena arena;
    return arena;
}

Arena &block_memory() {
    static Arena arena;
    return arena;
}

} // namespace pyxai::emulation
