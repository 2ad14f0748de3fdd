#include "check.h"
#include "kernels/spectral_energy.h"

using namespace pyxai;

int main() {
    skip_unless_supported();
    const float number[] = {3, -4};
    CHECK(energy_of<float>(number, false) == 25.0f && energy_of<float>(number, true) == 5.0f);
    CHECK(energy_from(3.0f, false) == 3.0f && energy_from(3.0f, true) == 9.0f);
    // The magnitude is rounded to the nearest and no faster root is taken, in either precision.
    const double one[] = {1, 1};
    CHECK(energy_of<double>(one, true) == 1.4142135623730951);
    CHECK(energy_of<float>(one, true) == 1.41421354f);
}
