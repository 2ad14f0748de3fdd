#include <vector>

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

static void test_sizes() {
    const WaveletSizes sizes(256, 256, 5, 6);
    const int64_t expected[] = {256, 130, 67, 36, 20, 12};
    for (int j = 0; j <= 5; ++j)
        CHECK(sizes.rows[j] == expected[j] && sizes.columns[j] == expected[j]);
    CHECK(sizes.size == 69831);
    CHECK(sizes.part(0) == 0 && sizes.part(1) == 144 && sizes.part(6) == sizes.size);
    CHECK(WaveletSizes(7, 5, 0, 2).size == 35);
}

// Lines of known and of any number of taps agree.
static void test_two_sums() {
    const int64_t size = 37;
    std::vector<float> x(size + 2), y(size + 2), a(size), b(size), c(size), d(size);
    for (int64_t i = 0; i < size + 2; ++i) {
        x[i] = static_cast<float>(i * i % 11);
        y[i] = static_cast<float>(i * 7 % 5);
    }
    const float weights[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    const LineTaps<float> taps{weights, weights + 3, weights + 6, weights + 9};
    const float *xs[] = {x.data(), x.data() + 1, x.data() + 2},
                *ys[] = {y.data(), y.data() + 1, y.data() + 2};
    two_sums<3>(a.data(), b.data(), xs, ys, taps, size);
    two_sums(3, c.data(), d.data(), xs, ys, taps, size);
    CHECK(a == c && b == d);
    CHECK(a[1] == 1 * x[1] + 2 * x[2] + 3 * x[3] + 4 * y[1] + 5 * y[2] + 6 * y[3]);
}

int main() {
    skip_unless_supported();
    test_borders();
    test_sizes();
    test_two_sums();
}
