// CPU side: one function compiled for several instruction sets, and parallel loops over rows.
#pragma once

#include <algorithm>

#include "common/torch.h"

// The loader picks the clone for the machine it runs on, so a wheel needs no -march. Contraction is off
// (setup.py): every clone gives the same bits.
#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12
#define PYXAI_CLONES __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define PYXAI_CLONES
#endif

namespace pyxai {

constexpr int64_t kGrain = 32768; // elements that repay waking a thread

// f(row, first, last) over the elements of `rows` rows of `size`, split evenly over the threads.
template <class F>
void parallel_rows(int64_t rows, int64_t size, F f) {
    torch::stable::parallel_for(0, rows * size, kGrain, [&](int64_t begin, int64_t end) {
        while (begin < end) {
            const int64_t row = begin / size, first = begin % size;
            const int64_t last = std::min(size, first + end - begin);
            f(row, first, last);
            begin += last - first;
        }
    });
}

// f(first, last) over spans of the elements of one row, each span being visited `rows` times. Spans fit the
// first level cache, so a running sum stays there while row after row is added to it.
template <class F>
void parallel_columns(int64_t rows, int64_t size, F f) {
    constexpr int64_t span = 2048;
    const int64_t spans = (size + span - 1) / span;
    const int64_t grain = std::max<int64_t>(1, kGrain / (span * std::max<int64_t>(rows, 1)));
    torch::stable::parallel_for(0, spans, grain, [&](int64_t begin, int64_t end) {
        for (int64_t s = begin; s < end; ++s)
            f(s * span, std::min(size, (s + 1) * span));
    });
}

// f(row, first, size) over tiles of at most `tile` elements of `rows` rows of `size`.
template <class F>
void parallel_tiles(int64_t rows, int64_t size, int64_t tile, F f) {
    const int64_t tiles = (size + tile - 1) / tile;
    torch::stable::parallel_for(0, rows * tiles, 8, [&](int64_t begin, int64_t end) {
        for (int64_t t = begin; t < end; ++t) {
            const int64_t first = t % tiles * tile;
            f(t / tiles, first, std::min(tile, size - first));
        }
    });
}

// The images' numbers, checked. Contiguous int64.
inline void check_index(const int64_t *index, int64_t rows, int64_t images, const char *op) {
    for (int64_t r = 0; r < rows; ++r)
        STD_TORCH_CHECK(index[r] >= 0 && index[r] < images, op, ": `index` must lie in [0, ", images,
                        "), got ", index[r]);
}

} // namespace pyxai
