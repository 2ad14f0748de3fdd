#include <cmath>
#include <initializer_list>

#include "check.h"
#include "kernels/pyramid_fill_adjoint.h"

using namespace pyxai;

static double fill(double mask, const double *levels, bool between) {
    const Place<double> place = place_of(mask, 3, between);
    return filled(0.3, mask, background(levels + place.level, place.part, 1, between));
}

int main() {
    skip_unless_supported();
    const double levels[] = {0.9, 0.2, 0.6}, mask = 0.4, step = 1e-6;
    for (bool between : {false, true}) {
        const Place<double> place = place_of(mask, 3, between);
        const double slope = slope_by_mask(0.3, mask, levels + place.level, place.part, 1, 3, between);
        const double difference = (fill(mask + step, levels, between) - fill(mask - step, levels, between));
        CHECK(std::abs(slope - difference / (2 * step)) < 1e-8);
    }
}
