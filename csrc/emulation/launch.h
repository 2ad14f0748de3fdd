// Launching on the emulated device: the twin of common/launch.h, where the names are described.
#pragma once

#include <algorithm>
#include <cstring>
#include <functional>

#include "common/torch.h"
#include "emulation/language.h"

// Beside the package's own operators, under the namespace that the build chooses.
#define PYXAI_CUDA_OPERATORS(library) STABLE_TORCH_LIBRARY_IMPL(PYXAI_EMULATION, CPU, library)

namespace pyxai {

using std::max, std::min; // CUDA has them outside any namespace

inline dim3 most_blocks() {
    return emulation::settings().most_blocks;
}

struct Queue {
    const char *op;

    Queue(const char *op, const Tensor &) : op(op) {}
};

template <auto kernel, class... Arguments>
void launch(dim3 grid, int threads, size_t shared, const Queue &queue, const Arguments &...arguments) {
    const auto body = [&] { kernel(arguments...); }; // on this stack, as the arguments are: kernels read it
    emulation::run(emulation::Enrolled<kernel>::entry, queue.op, grid, threads, shared, std::cref(body));
}

template <class T>
T *dynamic_shared() {
    return static_cast<T *>(emulation::shared_memory());
}

template <class T>
void copy_within(T *to, const T *from, int64_t count, const Queue &) {
    std::memcpy(to, from, count * sizeof(T));
}

template <class T>
void copy_to_device(T *to, const T *from, int64_t count, const Queue &queue) {
    copy_within(to, from, count, queue);
}

} // namespace pyxai
