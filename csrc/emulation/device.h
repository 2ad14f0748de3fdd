// The emulated device: runs the threads of a launch on the host and says what they do wrong.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace pyxai {

struct dim3 {
    unsigned x, y, z;
    constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};

extern dim3 threadIdx, blockIdx, blockDim, gridDim; // of the thread that runs

namespace emulation {

constexpr int kWarp = 32;

// A kernel that launch() is compiled for: how often it ran, with how many threads and bytes shared at most.
struct Kernel {
    std::string name;
    int64_t launches = 0;
    int threads = 0;
    size_t shared = 0;
};

// All of them.
std::vector<Kernel *> &kernels();

// The kernel that a signature "… [with auto kernel = NAME]" names, without our own namespace.
Kernel &enrol(const char *signature);

// Being used, `entry` is initialised when the library is loaded: a kernel is known before it is launched.
template <auto kernel>
struct Enrolled {
    static const char *signature() { return __PRETTY_FUNCTION__; }
    static Kernel &entry;
};
template <auto kernel>
Kernel &Enrolled<kernel>::entry = enrol(signature());

// What the tests choose.
struct Settings {
    uint64_t order = 0; // 0: blocks and threads one after the other, else permuted by this seed
    dim3 most_blocks = {1 << 20, 65535};
};
Settings &settings();

// Runs `body` for every thread of every block. Throws std::runtime_error where a thread fails, or where a GPU
// would refuse the launch.
void run(Kernel &kernel, const char *op, dim3 grid, int threads, size_t shared,
         const std::function<void()> &body);

// A block of the running grid, "(x, y)".
std::string block_named(uint32_t number);

// Ends the launch with an error that names the operator, the kernel, and block and thread that run.
[[noreturn]] void fail(const std::string &what);
[[noreturn]] void fail_assertion(const char *condition);

// What the running block's threads share.
void *shared_memory();

// The thread that runs, as far as another's accesses to the same memory may be a race with its own.
struct Actor {
    uint32_t block; // its number in the grid
    uint16_t thread;
    uint16_t barriers; // its block has passed
    uint16_t syncs;    // its whole warp has passed
};
const Actor *actor(); // null while no thread runs

// Where in the source a thread waits.
struct Site {
    const char *file;
    int line;
};

// What the lanes of a warp give each other: which have a value that is not 0, and the value of one of them.
struct Exchanged {
    unsigned votes;
    uint64_t value;
};

// Waits until all lanes that `mask` names have come to the same call at the same site.
Exchanged exchange(const char *call, unsigned mask, uint64_t value, int source, Site site);

// Waits until all threads of the block have.
void barrier(Site site);

} // namespace emulation
} // namespace pyxai
