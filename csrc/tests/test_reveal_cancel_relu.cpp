#include "check.h"
#include "kernels/reveal_cancel_relu.h"

using namespace pyxai;

int main() {
    skip_unless_supported();
    CHECK(mean_relu_slope(1.0, 2.0, 1.0) == 1.0);
    CHECK(mean_relu_slope(-1.0, -2.0, 0.5) == 0.0);
    CHECK(mean_relu_slope(0.0, -6.0, 10.0) == 0.7);
    CHECK(mean_relu_slope(0.0, 10.0, -6.0) == 0.5);
    CHECK(mean_relu_slope(1.0f, -1.0f, 0.0f) == 0.5f);
    const Multipliers<double> below = reveal_cancel(1.0, 0.0, 4.0, 0.0, 16.0); // 4 = 10 - 6
    CHECK(below.mean == 0.6 && below.spread == 0.5 * (0.7 - 0.5));
}
