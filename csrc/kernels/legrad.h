// LeGrad: the positive parts of products of queries' gradients with a key's value, summed by tiles of queries.
#pragma once

#include "common/hd.h"

namespace pyxai {

constexpr int kLegradTile = 64; // queries whose terms are added up before they are added to those of others
constexpr int kLegradRows = 4;  // queries that use a value while it is in a register

// Adds the positive part of `dot`, one number or several beside each other. What is no number stays none.
template <class Value>
PYXAI_HD void add_positive(Value &sum, const Value &dot) {
    const Value zero = {};
    sum += dot < zero ? zero : dot;
}

// Adds to `sum` what `rows` ≤ kLegradRows queries have for one key or several beside each other:
// `read(at, k)` gives `at` their entry k. Products are added in the order of the entries, queries in theirs.
template <int rows, class A, class Value, class T, class F>
PYXAI_HD void add_queries(Value &sum, const T *gradient, int64_t width, F read) {
    Value dots[rows] = {}, at = {};
    for (int64_t k = 0; k < width; ++k) {
        read(at, k);
        PYXAI_UNROLL
        for (int r = 0; r < rows; ++r)
            dots[r] += static_cast<A>(gradient[r * width + k]) * at;
    }
    PYXAI_UNROLL
    for (int r = 0; r < rows; ++r)
        add_positive(sum, dots[r]);
}

// The sum over the queries of a tile.
template <class A, class Value, class T, class F>
PYXAI_HD void add_tile(Value &sum, const T *gradient, int64_t queries, int64_t width, F read) {
    int64_t i = 0;
    for (; i + kLegradRows <= queries; i += kLegradRows)
        add_queries<kLegradRows, A>(sum, gradient + i * width, width, read);
    for (; i < queries; ++i)
        add_queries<1, A>(sum, gradient + i * width, width, read);
}

} // namespace pyxai
