#include <cmath>
#include <limits>

#include "check.h"
#include "kernels/fractal_noise_pyramid.h"

using namespace pyxai;

int main() {
    skip_unless_supported();
    CHECK(mirrored_row(0, 5) == 0 && mirrored_row(1, 5) == 4 && mirrored_row(3, 6) == 3);
    CHECK(own_mirror(0, 5) && !own_mirror(2, 5) && own_mirror(3, 6) && !own_mirror(2, 6));
    CHECK(symmetric_real(3.0f, 1.0f) == 2.0f && symmetric_imaginary(3.0f, 1.0f) == 1.0f);
    for (double x = -60; x < 60; x += 0.0137) {
        const double exact = 1 / (1 + std::exp(-x));
        CHECK(std::abs(sigmoid(x) - exact) <= 1e-15 * exact);
        CHECK(std::abs(sigmoid(static_cast<float>(x)) - exact) <= 5e-6 * exact);
    }
    CHECK(sigmoid(1e30f) == 1.0f && sigmoid(-1e30f) < 1e-30f && sigmoid(1e300) == 1.0);
    CHECK(std::isnan(sigmoid(std::numeric_limits<float>::quiet_NaN())));
}
