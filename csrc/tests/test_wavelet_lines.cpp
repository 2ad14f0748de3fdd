// Lines of known and of any number of taps agree, and taps are found where a vector holds them.
#include "check.h"
#include "common/wavelet_lines.h"

using namespace pyxai;

int main() {
    skip_unless_supported();
    const int64_t size = 37;
    std::vector<float> x(size + 2), y(size + 2), a(size), b(size), c(size), d(size);
    for (int64_t i = 0; i < size + 2; ++i) {
        x[i] = static_cast<float>(i * i % 11);
        y[i] = static_cast<float>(i * 7 % 5);
    }
    const std::vector<float> weights{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    const LineTaps<float> taps = line_taps(weights);
    const float *xs[] = {x.data(), x.data() + 1, x.data() + 2},
                *ys[] = {y.data(), y.data() + 1, y.data() + 2};
    two_sums<3>(a.data(), b.data(), xs, ys, taps, size);
    two_sums(3, c.data(), d.data(), xs, ys, taps, size);
    CHECK(a == c && b == d);
    CHECK(a[1] == 1 * x[1] + 2 * x[2] + 3 * x[3] + 4 * y[1] + 5 * y[2] + 6 * y[3]);
    CHECK(b[1] == 7 * x[1] + 8 * x[2] + 9 * x[3] + 10 * y[1] + 11 * y[2] + 12 * y[3]);
    for (int64_t half = 1; half < 7; ++half)
        with_half(half, [&](auto constant) { CHECK(constant.value == (half <= 4 ? half : 0)); });
}
