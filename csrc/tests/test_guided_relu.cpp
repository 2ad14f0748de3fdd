#include "check.h"
#include "kernels/guided_relu.h"
#include <cmath>
#include <limits>

using namespace pyxai;

int main() {
    skip_unless_supported();
    CHECK(guided_signal(2.0f, 3.0f) == 3.0f);
    CHECK(guided_signal(2.0f, -3.0f) == 0.0f);
    CHECK(guided_signal(0.0f, 3.0f) == 0.0f);
    CHECK(guided_signal(-2.0, 3.0) == 0.0);
    const double nan = std::numeric_limits<double>::quiet_NaN();
    CHECK(guided_signal(nan, 3.0) == 3.0);
    CHECK(std::isnan(guided_signal(2.0, nan)));
}
