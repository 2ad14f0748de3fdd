// CHECK for the plain C++ tests, and a skip where the machine lacks the instructions a test was compiled for.
#pragma once

#include <cstdio>
#include <cstdlib>

#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                             \
            std::exit(1);                                                                                    \
        }                                                                                                    \
    } while (0)

inline void skip_unless_supported() {
#if defined(__AVX512F__)
    if (!__builtin_cpu_supports("avx512f"))
        std::exit(77);
#elif defined(__AVX2__)
    if (!__builtin_cpu_supports("avx2"))
        std::exit(77);
#endif
}
