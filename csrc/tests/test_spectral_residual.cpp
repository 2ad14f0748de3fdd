#include "check.h"
#include "kernels/spectral_residual.h"

using namespace pyxai;

template <class A>
void against_libm(double within) {
    for (double x = 1e-30; x < 1e30; x *= 1.37) {
        const A value = static_cast<A>(x);
        const double exact = std::log(static_cast<double>(value));
        CHECK(std::abs(log_of(value) - exact) <= within * std::abs(exact) + within * 1e-3);
    }
    for (double x = -60; x < 60; x += 0.0137) {
        const A value = static_cast<A>(x);
        const double exact = std::exp(static_cast<double>(value));
        CHECK(std::abs(exp_of(value) - exact) <= within * exact);
    }
}

int main() {
    skip_unless_supported();
    against_libm<float>(2e-7);
    against_libm<double>(4e-16);
    CHECK(log_of(1.0f) == 0.0f && exp_of(0.0f) == 1.0f);
    const float number[] = {3, -4};
    CHECK(amplitude_of<float>(number) == 5.0f);
    CHECK(Raise<float>(true)(0.001f) == 1.001f && Raise<float>(false)(0.001f) == 1.0f / 255);
    CHECK(residual_scale(4.0f, 1.0f, 1.0f) == 0.25f && scaled_real(2.0f, 4.0f, 0.25f) == 0.5f);
    CHECK(scaled_real(0.0f, 0.0f, residual_scale(0.0f, 1.0f, 1.0f)) == 1.0f);
}
