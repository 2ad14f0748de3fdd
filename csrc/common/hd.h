// What the torch-free kernels share: functions for host and device, and the type sums are formed in.
#pragma once

#include <cstdint>

#ifdef __CUDACC__
#define PYXAI_HD __host__ __device__ __forceinline__
#else
#define PYXAI_HD inline __attribute__((always_inline))
#endif

// So that the vectoriser finds no loop inside the loop over elements. nvcc unrolls by itself.
#ifdef __CUDACC__
#define PYXAI_UNROLL
#else
#define PYXAI_UNROLL _Pragma("GCC unroll 16")
#endif

namespace pyxai {

// Sums of float16, bfloat16 and float32 are formed in float32, of float64 in float64.
template <class T>
struct Accumulate {
    using type = float;
};
template <>
struct Accumulate<double> {
    using type = double;
};
template <class T>
using accumulate_t = typename Accumulate<T>::type;

} // namespace pyxai
