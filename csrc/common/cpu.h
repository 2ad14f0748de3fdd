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

// Before a loop that may write where it reads, but only to the element it has just read.
#if defined(__GNUC__) && !defined(__clang__)
#define PYXAI_IN_STEP _Pragma("GCC ivdep")
#else
#define PYXAI_IN_STEP
#endif

namespace pyxai {

constexpr int64_t kSpan = 2048;   // elements that stay in the first level cache
constexpr int64_t kGrain = 32768; // elements that repay waking a thread

// f(row, first, size) over spans of `span` elements of `rows` rows of `size`, shared out over the threads.
// All rows' spans at one place follow each other: what they read in common (an image, a running sum) is still
// in cache.
template <class F>
void parallel_spans(int64_t rows, int64_t size, int64_t span, F f) {
    const int64_t spans = rows > 0 ? (size + span - 1) / span : 0;
    torch::stable::parallel_for(0, rows * spans, std::max<int64_t>(1, kGrain / span),
                                [&](int64_t begin, int64_t end) {
                                    for (int64_t t = begin; t < end; ++t) {
                                        const int64_t first = t / rows * span;
                                        f(t % rows, first, std::min(span, size - first));
                                    }
                                });
}

// The same for rows that have little in common: spans in the order of memory, which the prefetcher follows.
template <class F>
void parallel_rows(int64_t rows, int64_t size, F f) {
    const int64_t spans = (size + kSpan - 1) / kSpan;
    torch::stable::parallel_for(0, rows * spans, kGrain / kSpan, [&](int64_t begin, int64_t end) {
        for (int64_t t = begin; t < end; ++t) {
            const int64_t first = t % spans * kSpan;
            f(t / spans, first, std::min(kSpan, size - first));
        }
    });
}

// Spans for rows that must be taken in order, all by one thread: f(first, size) visits every row of a
// span.
template <class F>
void parallel_columns(int64_t rows, int64_t size, F f) {
    const int64_t spans = (size + kSpan - 1) / kSpan;
    const int64_t grain = std::max<int64_t>(1, kGrain / (kSpan * std::max<int64_t>(rows, 1)));
    torch::stable::parallel_for(0, spans, grain, [&](int64_t begin, int64_t end) {
        for (int64_t s = begin; s < end; ++s)
            f(s * kSpan, std::min(kSpan, size - s * kSpan));
    });
}

// The images' numbers, checked. Contiguous int64.
inline void check_index(const int64_t *index, int64_t rows, int64_t images, const char *op) {
    for (int64_t r = 0; r < rows; ++r)
        STD_TORCH_CHECK(index[r] >= 0 && index[r] < images, op, ": `index` must lie in [0, ", images,
                        "), got ", index[r]);
}

} // namespace pyxai
