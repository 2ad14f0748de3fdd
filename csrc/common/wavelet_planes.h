// The CPU loop of both wavelet transforms: one plane after the other on each thread.
#pragma once

#include <type_traits>
#include <vector>

#include "common/cpu.h"

namespace pyxai {

// Planes or coefficients as sums: as they are, or widened into `room`.
template <class A, class T>
PYXAI_CLONES const A *widened(const T *from, A *room, int64_t size) {
    if constexpr (std::is_same_v<A, T>)
        return from;
    else {
        for (int64_t i = 0; i < size; ++i)
            room[i] = static_cast<A>(from[i]);
        return room;
    }
}

template <class A, class T>
PYXAI_CLONES void narrowed(T *to, const A *from, int64_t size) {
    for (int64_t i = 0; i < size; ++i)
        to[i] = static_cast<T>(from[i]);
}

// f(plane out, plane in, memory of `scratch` sums) of planes of sums, for planes of any type.
template <class T, class F>
void transform_planes(T *out, const T *in, int64_t planes, int64_t out_size, int64_t in_size, int64_t scratch,
                      F f) {
    using A = accumulate_t<T>;
    constexpr bool same = std::is_same_v<A, T>;
    const int64_t room = same ? 0 : in_size + out_size;
    const int64_t grain = std::max<int64_t>(1, kGrain / std::max<int64_t>(in_size, 1));
    torch::stable::parallel_for(0, planes, grain, [&](int64_t begin, int64_t end) {
        std::vector<A> memory(scratch + room);
        A *wide_in = memory.data() + scratch;
        for (int64_t p = begin; p < end; ++p) {
            A *wide_out = wide_in + in_size;
            if constexpr (same)
                wide_out = out + p * out_size;
            f(wide_out, widened(in + p * in_size, wide_in, in_size), memory.data());
            if constexpr (!same)
                narrowed(out + p * out_size, wide_out, out_size);
        }
    });
}

} // namespace pyxai
