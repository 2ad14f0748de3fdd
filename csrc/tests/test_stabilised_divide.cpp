#include "check.h"
#include "kernels/stabilised_divide.h"

using namespace pyxai;

int main() {
    skip_unless_supported();
    CHECK(stable_quotient(1.0f, 2.0f, 0.5f) == 0.4f);
    CHECK(stable_quotient(1.0f, -2.0f, 0.5f) == -0.4f);
    CHECK(stable_quotient(1.0f, 0.0f, 0.5f) == 2.0f);
    CHECK(stable_quotient(1.0f, -0.0f, 0.5f) == 2.0f);
    CHECK(stable_quotient(1.0, -0.0, 0.0) == 0.0);
}
