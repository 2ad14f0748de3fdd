#include "emulation/races.h"

#include <algorithm>
#include <link.h>
#include <pthread.h>
#include <string>
#include <utility>
#include <vector>

#include "emulation/device.h"
#include "emulation/fibers.h"
#include "emulation/memory.h"

namespace pyxai::emulation {
namespace {

// How far the threads are spread that a record stands for.
enum class Spread : uint8_t { thread, warp, block, grid };

// The latest accesses of a kind to a byte: that of a thread, and those of others that are not ordered with
// it.
struct Latest {
    uint32_t era; // of which launch, for shared memory of which block
    Actor actor;
    Spread spread;
    bool atomic;
};

struct Byte {
    Latest read, write;
};

// Of each byte of an arena.
struct Records {
    const Arena &arena;
    Byte *const bytes = reinterpret_cast<Byte *>(reserve(kArena * sizeof(Byte), true));
    uint32_t era = 0;
};

Records &global() {
    static Records records{global_memory()};
    return records;
}

Records &shared() {
    static Records records{block_memory()};
    return records;
}

size_t moved = 0;
bool touched_by_host = false;

using Part = std::pair<const char *, const char *>;

int add_constants(dl_phdr_info *info, size_t, void *parts) {
    for (int i = 0; i < info->dlpi_phnum; ++i) {
        const ElfW(Phdr) &part = info->dlpi_phdr[i];
        const char *begin = reinterpret_cast<const char *>(info->dlpi_addr + part.p_vaddr);
        if (part.p_type == PT_LOAD && !(part.p_flags & PF_W))
            static_cast<std::vector<Part> *>(parts)->emplace_back(begin, begin + part.p_memsz);
    }
    return 0;
}

// Whether it is a constant: mapped from a library, and not to be written to. Libraries share those of inline
// functions, so it need not be from this one.
bool constant(const char *at) {
    static std::vector<Part> parts;
    const auto known = [at] {
        return std::any_of(parts.begin(), parts.end(),
                           [at](const Part &part) { return at >= part.first && at < part.second; });
    };
    if (known())
        return true;
    parts.clear(); // a library may have come
    dl_iterate_phdr(add_constants, &parts);
    return known();
}

// The stack of this thread of the host, where the arguments of a launch lie.
Part hosts_stack() {
    pthread_attr_t attributes;
    void *begin = nullptr;
    size_t size = 0;
    pthread_getattr_np(pthread_self(), &attributes);
    pthread_attr_getstack(&attributes, &begin, &size);
    pthread_attr_destroy(&attributes);
    return {static_cast<const char *>(begin), static_cast<const char *>(begin) + size};
}

// Whether a kernel may read there although it is no memory of the device: its own variables, the numbers of
// its thread and block, its arguments, and constants. Else it is memory of the host, which a GPU cannot see.
bool readable(const void *address) {
    thread_local const auto stack = hosts_stack();
    const auto at = static_cast<const char *>(address);
    if (fibers().on_stack(at) || (at >= stack.first && at < stack.second))
        return true;
    for (const dim3 *known : {&threadIdx, &blockIdx, &blockDim, &gridDim})
        if (at >= reinterpret_cast<const char *>(known) && at < reinterpret_cast<const char *>(known + 1))
            return true;
    return constant(at);
}

bool same_warp(const Actor &one, const Actor &other) {
    return one.block == other.block && one.thread / kWarp == other.thread / kWarp;
}

// Whether all that a record stands for comes before what `me` does now.
bool precedes(const Latest &latest, const Actor &me) {
    const Actor &actor = latest.actor;
    if (actor.block != me.block || latest.spread == Spread::grid)
        return false;
    if (actor.barriers != me.barriers || (latest.spread == Spread::thread && actor.thread == me.thread))
        return true;
    return latest.spread != Spread::block && same_warp(actor, me) && actor.syncs != me.syncs;
}

// The record after an access of `me`.
Latest joined(const Latest &latest, uint32_t era, const Actor &me, bool atomic) {
    if (latest.era != era || precedes(latest, me))
        return {era, me, Spread::thread, atomic};
    const bool beside = same_warp(latest.actor, me) && latest.actor.syncs == me.syncs;
    const Spread apart = latest.actor.block != me.block ? Spread::grid
                         : beside                       ? Spread::warp
                                                        : Spread::block;
    return {era, me, std::max(apart, latest.spread), atomic};
}

[[noreturn]] void race(Access access, const char *kind, const Latest &other, const char *done) {
    fail(std::string(access == Access::read ? "reads " : "writes ") + kind + " memory in a race with block " +
         block_named(other.actor.block) + ", thread " + std::to_string(other.actor.thread) + ", which " +
         done + " it");
}

void note_byte(Records &records, const char *kind, size_t offset, const Actor &me, Access access) {
    Byte &byte = records.bytes[offset];
    const uint32_t era = records.era;
    const bool atomic = access == Access::atomic, written = byte.write.era == era;
    if (written && !precedes(byte.write, me) && !(atomic && byte.write.atomic))
        race(access, kind, byte.write, "writes");
    const bool read = byte.read.era == era;
    if (&records == &global())
        moved += access == Access::read ? !read && !written : !written;
    if (access == Access::read) {
        byte.read = joined(byte.read, era, me, false);
        return;
    }
    if (read && !precedes(byte.read, me))
        race(access, kind, byte.read, "reads");
    byte.write = joined(byte.write, era, me, atomic);
}

} // namespace

void begin_launch() {
    ++global().era;
}

void begin_block() {
    ++shared().era;
}

size_t traffic() {
    return std::exchange(moved, 0);
}

bool touched() {
    return std::exchange(touched_by_host, false);
}

void note(const void *address, size_t bytes, Access access) {
    const Actor *me = actor();
    if (me == nullptr) {
        touched_by_host |= global_memory().holds(address);
        return;
    }
    const bool in_block = block_memory().holds(address);
    if (!in_block && !global_memory().holds(address)) {
        if (access == Access::read ? !readable(address) : !fibers().on_stack(address))
            fail(std::string(access == Access::read ? "reads" : "writes") + " outside of every buffer");
        return;
    }
    Records &records = in_block ? shared() : global();
    if (!records.arena.within(address, bytes))
        fail(std::string(access == Access::read ? "reads" : "writes") + " outside of every buffer");
    const size_t first = records.arena.offset(address);
    for (size_t i = first; i < first + bytes; ++i) {
        if (in_block && access != Access::write && records.bytes[i].write.era != records.era)
            fail("reads shared memory that no thread of its block has written");
        note_byte(records, in_block ? "shared" : "global", i, *me, access);
    }
}

} // namespace pyxai::emulation

using pyxai::emulation::Access;
using pyxai::emulation::note;

// The names by which GCC and Clang announce accesses.
#define PYXAI_ACCESS(size)                                                                                   \
    void __tsan_read##size(const void *at) {                                                                 \
        note(at, size, Access::read);                                                                        \
    }                                                                                                        \
    void __tsan_write##size(const void *at) {                                                                \
        note(at, size, Access::write);                                                                       \
    }                                                                                                        \
    void __tsan_unaligned_read##size(const void *at) {                                                       \
        note(at, size, Access::read);                                                                        \
    }                                                                                                        \
    void __tsan_unaligned_write##size(const void *at) {                                                      \
        note(at, size, Access::write);                                                                       \
    }

extern "C" {
PYXAI_ACCESS(1)
PYXAI_ACCESS(2)
PYXAI_ACCESS(4)
PYXAI_ACCESS(8)
PYXAI_ACCESS(16)
void __tsan_read_range(const void *at, size_t size) {
    note(at, size, Access::read);
}
void __tsan_write_range(const void *at, size_t size) {
    note(at, size, Access::write);
}

// What the host's part of an operator needs, too.
void __tsan_init() {}
void __tsan_func_entry(void *) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void *, void *) {}
int __tsan_atomic32_fetch_add(int *at, int value, int) {
    return __atomic_fetch_add(at, value, __ATOMIC_SEQ_CST);
}
}
