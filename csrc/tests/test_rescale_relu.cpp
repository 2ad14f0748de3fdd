#include "check.h"
#include "kernels/rescale_relu.h"

using namespace pyxai;

int main() {
    skip_unless_supported();
    CHECK(relu_slope(3.0f, 1.0f) == 1.0f);
    CHECK(relu_slope(3.0f, -1.0f) == 0.75f);
    CHECK(relu_slope(-1.0f, 3.0f) == 0.75f);
    CHECK(relu_slope(-1.0f, -2.0f) == 0.0f);
    CHECK(relu_slope(2.0, 2.0) == 1.0);
    CHECK(relu_slope(0.0, 0.0) == 0.0);
}
