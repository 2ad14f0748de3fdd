#include "emulation/device.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <numeric>
#include <random>
#include <stdexcept>

#include "emulation/block.h"
#include "emulation/fibers.h"
#include "emulation/memory.h"
#include "emulation/races.h"

// Of the sanitizers, where the process runs under them.
extern "C" __attribute__((weak)) void __sanitizer_set_death_callback(void (*)());

namespace pyxai {

dim3 threadIdx, blockIdx, blockDim, gridDim;

namespace emulation {

constexpr int kMostThreads = 1024;
constexpr size_t kMostShared = 48 << 10; // of a launch that does not ask the driver for more

static const char *running_op;
static const Kernel *running_kernel;
static Block *running_block;
static void *running_shared;

std::vector<Kernel *> &kernels() {
    static std::vector<Kernel *> kernels;
    return kernels;
}

Kernel &enrol(const char *signature) {
    std::string name(signature);
    name.erase(name.rfind(']'));
    name.erase(0, name.find("kernel = ") + 9);
    const std::string space = "pyxai::"; // which compilers write or leave out
    for (size_t at; (at = name.find(space)) != std::string::npos;)
        name.erase(at, space.size());
    kernels().push_back(new Kernel{name});
    return *kernels().back();
}

Settings &settings() {
    static Settings settings;
    return settings;
}

void *shared_memory() {
    return running_shared;
}

const Actor *actor() {
    return fibers().running() ? &running_block->actor() : nullptr;
}

Exchanged exchange(const char *call, unsigned mask, uint64_t value, int source, Site site) {
    const int lane = running_block->actor().thread % kWarp;
    if (!(mask >> lane & 1))
        fail(std::string("calls ") + call + " with a mask that does not name its own lane");
    if (source < 0 || source >= kWarp || !(mask >> source & 1))
        fail(std::string("calls ") + call + " for lane " + std::to_string(source) +
             ", which the mask does not name");
    return running_block->wait(call, mask, value, source, site);
}

void barrier(Site site) {
    running_block->wait("__syncthreads", 0, 0, 0, site);
}

static dim3 block_at(uint32_t number) {
    return dim3(number % gridDim.x, number / gridDim.x % gridDim.y, number / gridDim.x / gridDim.y);
}

std::string block_named(uint32_t number) {
    const dim3 at = block_at(number);
    return "(" + std::to_string(at.x) + ", " + std::to_string(at.y) + ")";
}

static std::string where() {
    const Actor &actor = running_block->actor();
    return std::string(running_op) + ": " + running_kernel->name + ", block " + block_named(actor.block) +
           ", thread " + std::to_string(actor.thread);
}

void fail(const std::string &what) {
    const std::string why = where() + " " + what;
    if (fibers().running())
        fibers().escape(why);
    throw std::runtime_error(why);
}

void fail_assertion(const char *condition) {
    fail(std::string("does not meet the assertion ") + condition);
}

// An address that no access was announced of, or that belongs to nobody.
static void fault(int signal, siginfo_t *, void *) {
    if (fibers().running())
        fail("touches memory outside of every buffer");
    std::signal(signal, SIG_DFL); // not ours: happens again, now to end the process
}

// A sanitizer ends the process itself, after this.
static void last_words() {
    if (fibers().running())
        std::fprintf(stderr, "%s is at fault\n", where().c_str());
}

[[maybe_unused]] static const bool sanitized = [] {
    if (__sanitizer_set_death_callback)
        __sanitizer_set_death_callback(last_words);
    return __sanitizer_set_death_callback != nullptr;
}();

// Has faults named while it lives.
class Faults {
public:
    Faults() {
        struct sigaction ours = {};
        ours.sa_sigaction = fault;
        ours.sa_flags = SA_SIGINFO;
        sigaction(SIGSEGV, &ours, &segv_);
        sigaction(SIGBUS, &ours, &bus_);
    }
    ~Faults() {
        sigaction(SIGSEGV, &segv_, nullptr);
        sigaction(SIGBUS, &bus_, nullptr);
    }

private:
    struct sigaction segv_, bus_;
};

static std::vector<int> ordered(int count, uint64_t seed) {
    std::vector<int> order(count);
    std::iota(order.begin(), order.end(), 0);
    if (seed != 0)
        std::shuffle(order.begin(), order.end(), std::mt19937_64(seed));
    return order;
}

void run(Kernel &kernel, const char *op, dim3 grid, int threads, size_t shared,
         const std::function<void()> &body) {
    running_op = op;
    running_kernel = &kernel;
    gridDim = grid;
    blockDim = threads;
    blockIdx = threadIdx = 0;
    const int64_t blocks = int64_t(grid.x) * grid.y * grid.z;
    const dim3 most = settings().most_blocks;
    if (blocks == 0 || grid.x > most.x || grid.y > most.y || grid.z > 65535 || threads < 1 ||
        threads > kMostThreads || shared > kMostShared)
        throw std::runtime_error(std::string(op) + ": " + kernel.name + ": invalid argument of the launch");
    ++kernel.launches;
    kernel.threads = std::max(kernel.threads, threads);
    kernel.shared = std::max(kernel.shared, shared);
    begin_launch();
    const Faults faults;
    const std::vector<int> order = ordered(threads, settings().order);
    for (const int number : ordered(static_cast<int>(blocks), settings().order)) {
        blockIdx = block_at(number);
        begin_block();
        block_memory().clear();
        running_shared = std::memset(block_memory().take(shared), kPoison, shared);
        Block block(number, order, body);
        running_block = &block;
        try {
            block.run();
        } catch (...) {
            fibers().abandon();
            throw;
        }
    }
}

} // namespace emulation
} // namespace pyxai
