// What the tests see of the emulation, through ctypes.
#include <stdexcept>

#include "emulation/device.h"
#include "emulation/memory.h"
#include "emulation/races.h"

using namespace pyxai::emulation;

extern "C" {

// Blocks and threads in the order of `seed` from now on, in grids of at most x times y blocks.
__attribute__((visibility("default"))) void emulation_settings(uint64_t order, unsigned x, unsigned y) {
    settings() = {order, {x, y}};
}

// Memory of the device, uninitialised, until all of it is given back. Null if there is not as much.
__attribute__((visibility("default"))) void *emulation_take(size_t bytes) {
    try {
        return global_memory().take(bytes);
    } catch (const std::runtime_error &) {
        return nullptr;
    }
}

__attribute__((visibility("default"))) void emulation_give_back() {
    global_memory().clear();
}

// The kernels there are: null behind the last one.
__attribute__((visibility("default"))) const char *emulation_kernel(size_t number) {
    return number < kernels().size() ? kernels()[number]->name.c_str() : nullptr;
}

// How often it was launched, and the most threads and shared bytes of its blocks.
__attribute__((visibility("default"))) void emulation_launches(size_t number, int64_t *numbers) {
    const Kernel &kernel = *kernels()[number];
    numbers[0] = kernel.launches;
    numbers[1] = kernel.threads;
    numbers[2] = static_cast<int64_t>(kernel.shared);
}

// Bytes of global memory that kernels have moved since this was last called.
__attribute__((visibility("default"))) size_t emulation_traffic() {
    return traffic();
}

// Whether the host has touched the device's memory since this was last called.
__attribute__((visibility("default"))) bool emulation_touched() {
    return touched();
}
}
