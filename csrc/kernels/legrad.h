// LeGrad: the positive parts of products of queries' gradients with a key's value, summed by tiles of
// queries.
#pragma once

#include "common/hd.h"

namespace pyxai {

constexpr int kLegradTile = 64; // queries whose terms are added up before they are added to those of others

// Adds the positive part of `dot`. What is no number stays none.
template <class A>
PYXAI_HD void add_positive(A &sum, A dot) {
    sum += dot < A(0) ? A(0) : dot;
}

// Adds to `sum` what the queries of a tile have for one key, or for several that `Value` holds beside each
// other: `read(k)` gives their entry k, which four queries use while it is in a register. Products are added
// in the order of the entries, and queries in theirs.
template <class A, class Value, class T, class F>
PYXAI_HD void add_tile(Value &sum, const T *gradient, int64_t queries, int64_t width, F read) {
    int64_t i = 0;
    for (; i + 4 <= queries; i += 4) {
        const T *query = gradient + i * width;
        Value first{}, second{}, third{}, fourth{};
        for (int64_t k = 0; k < width; ++k) {
            const Value at = read(k);
            first += at * static_cast<A>(query[k]);
            second += at * static_cast<A>(query[width + k]);
            third += at * static_cast<A>(query[2 * width + k]);
            fourth += at * static_cast<A>(query[3 * width + k]);
        }
        add_positive(sum, first);
        add_positive(sum, second);
        add_positive(sum, third);
        add_positive(sum, fourth);
    }
    for (; i < queries; ++i) {
        Value dot{};
        for (int64_t k = 0; k < width; ++k)
            dot += read(k) * static_cast<A>(gradient[i * width + k]);
        add_positive(sum, dot);
    }
}

} // namespace pyxai
