// A quotient whose denominator is moved away from zero, and which is zero where it still is zero.
#pragma once

#include "common/hd.h"

namespace pyxai {

template <class A>
PYXAI_HD A stable_quotient(A numerator, A denominator, A epsilon) {
    const A stable = denominator + (denominator < A(0) ? -epsilon : epsilon); // -0 counts as positive
    const A quotient = numerator / (stable == A(0) ? A(1) : stable);
    return stable == A(0) ? A(0) : quotient;
}

} // namespace pyxai
