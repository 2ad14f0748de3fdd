#include <cmath>
#include <limits>

#include "check.h"
#include "kernels/pyramid_fill.h"

using namespace pyxai;

static bool lies(Place<float> place, int64_t level, float part) {
    return place.level == level && std::abs(place.part - part) < 1e-6f;
}

int main() {
    skip_unless_supported();
    CHECK(lies(place_of(0.0f, 6, false), 0, 0) && lies(place_of(1.0f, 6, false), 5, 0));
    CHECK(lies(place_of(0.49f, 2, false), 0, 0) && lies(place_of(0.5f, 2, false), 1, 0));
    CHECK(lies(place_of(0.0f, 6, true), 0, 0) && lies(place_of(1.0f, 6, true), 4, 1));
    CHECK(lies(place_of(0.25f, 3, true), 0, 0.5f) && lies(place_of(0.75f, 3, true), 1, 0.5f));
    CHECK(lies(place_of(0.7f, 1, true), 0, 0) && lies(place_of(0.7f, 1, false), 0, 0));
    CHECK(place_of(std::numeric_limits<float>::quiet_NaN(), 6, false).level == 0);
    CHECK(place_of(1e30f, 6, false).level == 5 && place_of(-1e30f, 6, false).level == 0);
    const float levels[] = {1, 9, 3};
    CHECK(background(levels, 0.5f, 2, true) == 2.0f && background(levels, 0.5f, 2, false) == 1.0f);
    CHECK(filled(4.0f, 0.25f, 2.0f) == 2.5f);
    CHECK((Layout4{1, 3}.at(2, 5) == 17 && Layout4{25, 1}.at(2, 5) == 55));
}
