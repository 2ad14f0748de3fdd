#include "check.h"
#include "kernels/leading_eigenvector.h"

using namespace pyxai;

// The tridiagonal matrix with 2 on its diagonal and 1 beside it has the greatest eigenvalue 2 + 2 cos(π / (n
// + 1)).
template <class A>
void check_pair(A tolerance) {
    const A pi = static_cast<A>(3.14159265358979323846);
    A diagonal[40], beside[40], mix[40], down[40], up[40];
    for (int i = 0; i < 40; ++i) {
        diagonal[i] = 2;
        beside[i] = 1;
    }
    for (int size = 1; size <= 40; ++size) {
        const A value = leading_pair(diagonal, beside, size, mix, down, up);
        const A expected = size == 1 ? A(2) : 2 + 2 * std::cos(pi / static_cast<A>(size + 1));
        CHECK(std::fabs(value - expected) <= tolerance);
        CHECK(is_above(value, diagonal, beside, size) &&
              !is_above(value - 4 * tolerance, diagonal, beside, size));
        for (int i = 0; i < size; ++i) {
            const A left = i > 0 ? mix[i - 1] : A(0), right = i + 1 < size ? mix[i + 1] : A(0);
            CHECK(std::fabs(left + 2 * mix[i] + right - expected * mix[i]) <= tolerance);
        }
    }
}

int main() {
    skip_unless_supported();
    check_pair<float>(2e-6f);
    check_pair<double>(4e-15);
    // Halves that hardly know of each other: the vector is in the greater one.
    const double diagonal[] = {1, 1, 3, 3}, beside[] = {1, 1e-200, 1, 0};
    double mix[4], down[4], up[4];
    CHECK(std::fabs(leading_pair(diagonal, beside, 4, mix, down, up) - 4) < 1e-14);
    CHECK(std::fabs(mix[0]) < 1e-100 && std::fabs(mix[2] * mix[3] - 0.5) < 1e-14);
    for (int i = 0; i < 1000; ++i) {
        CHECK(std::fabs(start_value<float>(i)) < 1 && start_value<float>(i) != start_value<float>(i + 1));
        CHECK(start_value<float>(i) == static_cast<float>(start_value<double>(i)));
    }
}
