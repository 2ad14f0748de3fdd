#include "check.h"
#include "kernels/add_noise.h"

using namespace pyxai;

// A number of two bytes as the half precisions are: whole ones, so that each rounding is seen.
struct Whole {
    int16_t value;

    explicit Whole(float x) : value(static_cast<int16_t>(x)) {}
    explicit operator float() const { return value; }
};

int main() {
    skip_unless_supported();
    CHECK(noisy(1.0f, -2.0f, 0.25f) == 0.5f);
    CHECK(noisy(1.5f, 3.0f, 0.0f) == 1.5f);
    CHECK(noisy(1.0, 0.1f, 3.0) == 1.0 + 3.0 * static_cast<double>(0.1f)); // the noise stays float32's
    // Two roundings, not one: a fused multiply-add would give another last bit.
    volatile float product = 0.3f * 0.7f;
    CHECK(noisy(-0.21f, 0.7f, 0.3f) == -0.21f + product);
    CHECK(-0.21f + product != __builtin_fmaf(0.3f, 0.7f, -0.21f));
    // Narrow values are widened before the sum and rounded once behind it.
    CHECK(noisy(Whole(-3), 0.5f, 1.9f).value == -2 && noisy(Whole(3), 0.75f, 1.5f).value == 4);
}
