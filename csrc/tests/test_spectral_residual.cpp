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
    CHECK(inside(-2, 5, true) == 2 && inside(6, 5, true) == 2);
    CHECK(inside(-2, 5, false) == 0 && inside(6, 5, false) == 4);
    CHECK(inside(-1, 1, true) == 0 && inside(1, 1, true) == 0);
    CHECK(residual_scale(4.0f, 1.0f, 1.0f) == 0.25f && scaled_real(2.0f, 4.0f, 0.25f) == 0.5f);
    CHECK(scaled_real(0.0f, 0.0f, residual_scale(0.0f, 1.0f, 1.0f)) == 1.0f);
}
