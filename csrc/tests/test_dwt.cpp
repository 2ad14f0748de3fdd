#include "check.h"
#include "kernels/dwt.h"

using namespace pyxai;

static void test_borders() {
    const int64_t n = 4;
    const int64_t symmetric[] = {2, 1, 0, 0, 1, 2, 3, 3, 2}, reflect[] = {3, 2, 1, 0, 1, 2, 3, 2, 1};
    const int64_t periodic[] = {1, 2, 3, 0, 1, 2, 3, 0, 1};
    for (int64_t t = -3; t < 6; ++t) {
        CHECK(continued(t, n, Padding::symmetric) == symmetric[t + 3]);
        CHECK(continued(t, n, Padding::reflect) == reflect[t + 3]);
        CHECK(continued(t, n, Padding::periodic) == periodic[t + 3]);
        CHECK(continued(t, n, Padding::zero) == (t < 0 || t >= n ? -1 : t));
    }
    CHECK(continued(-9, 1, Padding::reflect) == 0);
}

// c[i] = sum_j h[j] x(2i + 1 - j) of three values, the first and the last coefficient beyond the border.
static void test_one_coefficient() {
    const float taps[] = {1, 10, 100, 1000}, x[] = {2, 3, 5};
    const auto at = [&](int64_t i) { return x[i]; };
    CHECK(analysed(taps, 4, 0, 3, Padding::zero, at) == 3 + 20);
    CHECK(analysed(taps, 4, 1, 3, Padding::zero, at) == 50 + 300 + 2000);
    CHECK(analysed(taps, 4, 2, 3, Padding::zero, at) == 5000);
    CHECK(analysed(taps, 4, 0, 3, Padding::periodic, at) == 3 + 20 + 500 + 3000);
    CHECK(analysed(taps, 4, 1, 3, Padding::symmetric, at) == 5 + 50 + 300 + 2000);
    CHECK(analysed(taps, 4, 1, 3, Padding::reflect, at) == 3 + 50 + 300 + 2000);
}

int main() {
    skip_unless_supported();
    test_borders();
    test_one_coefficient();
}
