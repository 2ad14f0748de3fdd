#include "common/powers.h"

#include <cfloat>
#include <cmath>

#include "check.h"

using namespace pyxai;

template <class A>
void check_powers(A least, A most, A denormal) {
    CHECK(power_of_two(A(1)) == 1 && power_of_two(A(1.99)) == 1 && power_of_two(A(2)) == 2);
    CHECK(power_of_two(A(0.3)) == A(0.25));
    CHECK(power_of_two(A(0)) == least && power_of_two(denormal) == least && power_of_two(least) == least);
    CHECK(power_of_two(most) == 1 / least && power_of_two(static_cast<A>(INFINITY)) == 1 / least &&
          power_of_two(static_cast<A>(NAN)) == 1 / least);
}

int main() {
    skip_unless_supported();
    check_powers<float>(FLT_MIN, FLT_MAX, 1e-45f);
    check_powers<double>(DBL_MIN, DBL_MAX, 5e-324);
}
