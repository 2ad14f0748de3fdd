#include <cmath>

#include "check.h"
#include "kernels/obfuscate.h"

using namespace pyxai;

int main() {
    skip_unless_supported();
    CHECK(masked(1.0f, 3.0f, replacement(5.0f, 2.0f, 7.0f)) == 3.0f);
    CHECK(masked(0.0f, 3.0f, replacement(5.0f, 2.0f, 7.0f)) == 19.0f);
    CHECK(masked(0.25, 4.0, 8.0) == 7.0);
    CHECK(Symmetric::value(0) < -0.9999f && Symmetric::value(0xffffffffu) > 0.9999f);
    // in the units of a channel, whichever end is the larger
    CHECK((clamped<float, float>(-1, 2, 4)) == 2.0f && (clamped<float, float>(0.5f, 2, 4)) == 3.0f);
    CHECK((clamped<float, float>(9, 4, 2)) == 2.0f);
    CHECK(std::isnan(clamped<float, float>(NAN, 0, 1)));
}
