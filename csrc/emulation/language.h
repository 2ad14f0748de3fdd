// CUDA's words, as far as kernels may use them, for the host's compiler. A word that is not here does not
// compile:
// `__shared__`, since memory that is shared comes from dynamic_shared(), and __activemask(), since no result
// may depend on which lanes happen to be together.
#pragma once

#include <cassert>
#include <cstring>
#include <strings.h>
#include <type_traits>

#include "emulation/device.h"
#include "emulation/races.h"

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))

#undef assert
#define assert(condition) ((condition) ? void() : ::pyxai::emulation::fail_assertion(#condition))

#define PYXAI_SITE ::pyxai::emulation::Site site = {__builtin_FILE(), __builtin_LINE()}

namespace pyxai {

inline int lane_id() {
    return threadIdx.x % emulation::kWarp;
}

inline void __syncthreads(PYXAI_SITE) {
    emulation::barrier(site);
}

inline void __syncwarp(unsigned mask = 0xffffffffu, PYXAI_SITE) {
    emulation::exchange("__syncwarp", mask, 0, lane_id(), site);
}

inline unsigned __ballot_sync(unsigned mask, int vote, PYXAI_SITE) {
    return emulation::exchange("__ballot_sync", mask, vote != 0, lane_id(), site).votes;
}

inline int __any_sync(unsigned mask, int vote, PYXAI_SITE) {
    return emulation::exchange("__any_sync", mask, vote != 0, lane_id(), site).votes != 0;
}

inline int __all_sync(unsigned mask, int vote, PYXAI_SITE) {
    return emulation::exchange("__all_sync", mask, vote != 0, lane_id(), site).votes == mask;
}

// The value of lane `source` of this lane's segment of `width` lanes.
template <class T>
T shuffled(const char *name, unsigned mask, T value, int source, emulation::Site site) {
    static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= 8);
    uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof(T));
    bits = emulation::exchange(name, mask, bits, source, site).value;
    std::memcpy(&value, &bits, sizeof(T));
    return value;
}

template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = emulation::kWarp, PYXAI_SITE) {
    return shuffled("__shfl_sync", mask, value, lane_id() / width * width + source % width, site);
}

template <class T>
T __shfl_up_sync(unsigned mask, T value, int by, int width = emulation::kWarp, PYXAI_SITE) {
    const int lane = lane_id();
    return shuffled("__shfl_up_sync", mask, value, lane % width < by ? lane : lane - by, site);
}

template <class T>
T __shfl_down_sync(unsigned mask, T value, int by, int width = emulation::kWarp, PYXAI_SITE) {
    const int lane = lane_id();
    return shuffled("__shfl_down_sync", mask, value, lane % width + by < width ? lane + by : lane, site);
}

template <class T>
T __shfl_xor_sync(unsigned mask, T value, int with, int width = emulation::kWarp, PYXAI_SITE) {
    const int lane = lane_id();
    return shuffled("__shfl_xor_sync", mask, value,
                    (lane ^ with) / width == lane / width ? lane ^ with : lane, site);
}

#undef PYXAI_SITE

// to = f(to), of which the value before is returned. No thread comes in between.
template <class T, class F>
__attribute__((noinline, no_sanitize("thread"))) T atomically(T *to, F f) {
    emulation::note(to, sizeof(T), emulation::Access::atomic);
    const T before = *to;
    *to = f(before);
    return before;
}

template <class T>
T atomicAdd(T *to, std::common_type_t<T> value) {
    return atomically(to, [=](T before) { return before + value; });
}

template <class T>
T atomicMin(T *to, std::common_type_t<T> value) {
    return atomically(to, [=](T before) { return value < before ? value : before; });
}

template <class T>
T atomicMax(T *to, std::common_type_t<T> value) {
    return atomically(to, [=](T before) { return before < value ? value : before; });
}

template <class T>
T atomicExch(T *to, std::common_type_t<T> value) {
    return atomically(to, [=](T) { return value; });
}

template <class T>
T atomicCAS(T *to, std::common_type_t<T> expected, std::common_type_t<T> value) {
    return atomically(to, [=](T before) { return before == expected ? value : before; });
}

inline int __ffs(unsigned bits) {
    return ffs(static_cast<int>(bits));
}

inline int __popc(unsigned bits) {
    return __builtin_popcount(bits);
}

} // namespace pyxai
