#include "check.h"
#include "common/complex_plane.h"

using namespace pyxai;

int main() {
    skip_unless_supported();
    const float number[] = {3, -4};
    CHECK(squared_magnitude<float>(number) == 25.0f);
    const float tenth[] = {0.1f, 0};
    const double wide = static_cast<double>(0.1f); // widened before it is squared
    CHECK(squared_magnitude<double>(tenth) == wide * wide);
    CHECK(inside(-2, 5, true) == 2 && inside(6, 5, true) == 2);
    CHECK(inside(-2, 5, false) == 0 && inside(6, 5, false) == 4);
    CHECK(inside(3, 5, true) == 3 && inside(3, 5, false) == 3);
    CHECK(inside(-1, 1, true) == 0 && inside(1, 1, true) == 0);
}
