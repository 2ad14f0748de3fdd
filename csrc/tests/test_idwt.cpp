#include "check.h"
#include "kernels/dwt.h"
#include "kernels/idwt.h"

using namespace pyxai;

// x[t] = sum_i g[t - 2i + F - 2] c[i] of three coefficients of a filter of four taps.
static void test_one_value() {
    const float taps[] = {1, 10, 100, 1000}, c[] = {2, 3, 5};
    const auto at = [&](int64_t i) { return c[i]; };
    CHECK(synthesised(taps, 4, 0, at) == 200 + 3);
    CHECK(synthesised(taps, 4, 1, at) == 2000 + 30);
    CHECK(synthesised(taps, 4, 2, at) == 300 + 5);
    CHECK(synthesised(taps, 4, 3, at) == 3000 + 50);
}

// What an analysis took apart comes back, with filters of dyadic taps, so exactly.
static void test_inverse() {
    const float low[] = {0.5f, 0.5f}, high[] = {-0.5f, 0.5f}, back[] = {1, 1}, back_high[] = {1, -1};
    const float x[] = {3, -1, 4, 1, -5};
    float lows[3], highs[3];
    for (int64_t i = 0; i < 3; ++i) {
        const auto at = [&](int64_t t) { return x[t]; };
        lows[i] = analysed(low, 2, i, 5, Padding::zero, at);
        highs[i] = analysed(high, 2, i, 5, Padding::zero, at);
    }
    for (int64_t t = 0; t < 5; ++t)
        CHECK(synthesised(back, 2, t, [&](int64_t i) { return lows[i]; }) +
                  synthesised(back_high, 2, t, [&](int64_t i) { return highs[i]; }) ==
              x[t]);
}

int main() {
    skip_unless_supported();
    test_one_value();
    test_inverse();
}
