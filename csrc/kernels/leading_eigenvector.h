// The leading eigenvector of a symmetric matrix without negative eigenvalues, by Lanczos' method. A `Team` is
// who does it, a thread of the CPU or a block of CUDA's:
//
//   each(size, f)            f(0) … f(size - 1), in any order
//   sum(size, f)             the sum of f(0) … f(size - 1), in lanes, which all of the team get
//   sums(count, size, f, g)  g(i, the sum of f(i, 0) … f(i, size - 1), in lanes) for each i < count
//   once(f)                  f(), by one of them
//   subtract(to, rows, weights, count, size)  to -= Σ weights[i] · row i, in the order of i
//
// None of these begins before all of the team are done with the one before.
#pragma once

#include <cmath>

#include "common/powers.h"

namespace pyxai {

constexpr int64_t kEvery = 4; // steps between two looks at what has been found

// The scratch memory for a matrix: vectors that are orthogonal, a tridiagonal matrix in their basis, its
// leading vector, and what is needed to find that.
template <class A>
struct LeadingScratch {
    A *basis, *next, *diagonal, *beside, *products, *mix, *downwards, *upwards, *found;

    static PYXAI_HD int64_t values(int64_t size) { return size * size + 7 * size + 2; }

    PYXAI_HD LeadingScratch(A *memory, int64_t size)
        : basis(memory), next(basis + size * size), diagonal(next + size), beside(diagonal + size),
          products(beside + size), mix(products + size), downwards(mix + size), upwards(downwards + size),
          found(upwards + size) {}
};

// Numbers in (-1, 1) without a pattern that a matrix could have.
template <class A>
PYXAI_HD A start_value(int64_t i) {
    uint32_t bits = static_cast<uint32_t>(i) * 2654435769u + 1013904223u;
    bits = (bits ^ bits >> 16) * 2246822507u;
    bits = (bits ^ bits >> 13) * 3266489909u;
    bits ^= bits >> 16;
    return (static_cast<A>(bits >> 9) + A(0.5)) / A(1 << 22) - A(1);
}

// Whether all eigenvalues of a symmetric tridiagonal matrix are below x, by elimination from either end.
template <class A>
PYXAI_HD bool is_above(A x, const A *diagonal, const A *beside, int64_t size) {
    A down = x - diagonal[0], up = x - diagonal[size - 1];
    for (int64_t i = 1; i < size && down > 0 && up > 0; ++i) {
        const int64_t j = size - 1 - i;
        down = (x - diagonal[i]) - beside[i - 1] * beside[i - 1] / down;
        up = (x - diagonal[j]) - beside[j] * beside[j] / up;
    }
    return down > 0 && up > 0;
}

// The greatest eigenvalue of a symmetric tridiagonal matrix of `size` numbers on its diagonal and size - 1
// beside it, none of them negative, by bisection. `mix` becomes its unit vector, by the eliminations from
// both ends to the row where they meet best (Parlett & Dhillon 1997).
template <class A>
PYXAI_HD A leading_pair(const A *diagonal, const A *beside, int64_t size, A *mix, A *downwards, A *upwards) {
    A low = 0, high = 0;
    for (int64_t i = 0; i < size; ++i) {
        const A reach = (i > 0 ? beside[i - 1] : A(0)) + (i + 1 < size ? beside[i] : A(0));
        low = diagonal[i] > low ? diagonal[i] : low;
        high = diagonal[i] + reach > high ? diagonal[i] + reach : high;
    }
    high += high / 1024; // above it whatever the rounding
    for (;;) {
        const A middle = low + (high - low) / 2;
        if (!(middle > low && middle < high))
            break;
        if (is_above(middle, diagonal, beside, size))
            high = middle;
        else
            low = middle;
    }
    downwards[0] = high - diagonal[0];
    upwards[size - 1] = high - diagonal[size - 1];
    for (int64_t i = 1; i < size; ++i) {
        const int64_t j = size - 1 - i;
        downwards[i] = (high - diagonal[i]) - beside[i - 1] * beside[i - 1] / downwards[i - 1];
        upwards[j] = (high - diagonal[j]) - beside[j] * beside[j] / upwards[j + 1];
    }
    int64_t meet = 0;
    A least = upwards[0];
    for (int64_t i = 1; i < size; ++i) {
        const A left = downwards[i] + upwards[i] - (high - diagonal[i]);
        if (left < least) {
            least = left;
            meet = i;
        }
    }
    mix[meet] = 1;
    for (int64_t i = meet; i > 0; --i)
        mix[i - 1] = beside[i - 1] / downwards[i - 1] * mix[i];
    for (int64_t i = meet + 1; i < size; ++i)
        mix[i] = beside[i - 1] / upwards[i] * mix[i - 1];
    A squares = 0;
    for (int64_t i = 0; i < size; ++i)
        squares += mix[i] * mix[i];
    const A length = std::sqrt(squares);
    for (int64_t i = 0; i < size; ++i)
        mix[i] /= length;
    return high;
}

// `vector` becomes a unit vector whose values do not sum to less than zero, *value its eigenvalue; both zero
// for a matrix of zeros, and no numbers where one of its values is none or infinite.
//
// Each new vector of the basis is made orthogonal to all before it, twice, so that the matrix is tridiagonal
// in it. It ends where what the matrix adds to the vector found is below a rounding of its eigenvalue, and at
// the latest when there is no further vector: then all that the start reaches has been searched.
template <class A, class T, class Team>
PYXAI_HD void lead(Team &team, T *vector, T *value, const T *matrix, int64_t size,
                   const LeadingScratch<A> &work) {
    constexpr A rounding = sizeof(A) == 4 ? A(1.1920929e-07) : A(2.220446049250313e-16);
    A *const next = work.next, *const found = work.found;
    const auto at = [=](int64_t i, int64_t j) { return static_cast<A>(matrix[i * size + j]); };
    const auto squared = [=](int64_t i) { return next[i] * next[i]; };
    // A value's difference from itself is no number where the value is infinite: a sum may well be that.
    team.sums(
        size, size, [=](int64_t i, int64_t j) { return std::fabs(at(i, j)) + (at(i, j) - at(i, j)); },
        [=](int64_t i, A sum) { next[i] = sum; });
    const A total = team.sum(size, [=](int64_t i) { return next[i]; });
    if (!(total > 0)) {
        team.each(size, [=](int64_t i) { vector[i] = static_cast<T>(total); });
        team.once([=] { *value = static_cast<T>(total); });
        return;
    }
    // Products of what is divided by this neither overflow nor vanish, also where the sum overflows.
    const A scale = power_of_two(total), inverse = 1 / scale;
    team.each(size, [=](int64_t i) { next[i] = start_value<A>(i); });
    A length = std::sqrt(team.sum(size, squared));
    int64_t step = 0;
    for (bool last = false; !last; ++step) {
        A *const basis = work.basis, *const newest = basis + step * size;
        team.each(size, [=](int64_t i) { newest[i] = next[i] / length; });
        team.sums(
            size, size, [=](int64_t i, int64_t j) { return at(i, j) * inverse * newest[j]; },
            [=](int64_t i, A sum) { next[i] = sum; });
        A before = 0;
        for (int pass = 0; pass < 2; ++pass) {
            team.sums(
                step + 1, size, [=](int64_t i, int64_t j) { return basis[i * size + j] * next[j]; },
                [=](int64_t i, A sum) {
                    work.products[i] = sum;
                    if (i == step)
                        work.diagonal[i] = pass == 0 ? sum : work.diagonal[i] + sum;
                });
            team.subtract(next, basis, work.products, step + 1, size);
            before = length;
            length = std::sqrt(team.sum(size, squared));
        }
        last = step + 1 == size || !(length > before / 2); // what is left is rounding
        const bool look = last || step % kEvery == kEvery - 1;
        team.once([=] {
            work.beside[step] = length;
            if (look) {
                found[0] = leading_pair(work.diagonal, work.beside, step + 1, work.mix, work.downwards,
                                        work.upwards);
                found[1] = length * std::fabs(work.mix[step]) <= rounding * found[0];
            }
        });
        last = last || (look && found[1] != 0);
    }
    team.each(size, [=](int64_t i) { next[i] = 0; });
    team.subtract(next, work.basis, work.mix, step, size);
    const A sum = team.sum(size, [=](int64_t i) { return next[i]; });
    team.each(size, [=](int64_t i) { vector[i] = static_cast<T>(sum < 0 ? -next[i] : next[i]); });
    team.once([=] { *value = static_cast<T>(found[0] * scale); });
}

} // namespace pyxai
