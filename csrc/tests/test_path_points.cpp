#include "check.h"
#include "kernels/path_points.h"

using namespace pyxai;

int main() {
    skip_unless_supported();
    CHECK(path_point(1.0f, 3.0f, 0.0f) == 1.0f);
    CHECK(path_point(1.0f, 3.0f, 0.25f) == 1.5f);
    CHECK(path_point(1.0, 3.0, 1.0) == 3.0);
    // Two roundings, not one: a fused multiply-add would give another last bit.
    const float start = 0.1f, end = 0.7f, alpha = 0.3f;
    volatile float difference = end - start, step = alpha * difference;
    CHECK(path_point(start, end, alpha) == start + step);
}
