#include <initializer_list>

#include "check.h"
#include "kernels/local_entropy.h"

using namespace pyxai;

int main() {
    skip_unless_supported();
    CHECK(grey_level(0.0f) == 0 && grey_level(1.0f) == 255 && grey_level(-1.0f) == 0 &&
          grey_level(2.0f) == 255);
    for (int level = 0; level < 256; ++level)
        CHECK(grey_level(static_cast<float>(level) / 255) == level);
    CHECK(window_reach(0, 3, true) == 3 && window_reach(2, 3, true) == 2 && window_reach(3, 3, true) == 0);
    CHECK(window_reach(3, 3, false) == 3);

    int64_t terms[9];
    for (int count = 0; count < 9; ++count)
        terms[count] = entropy_term(count);
    CHECK(terms[1] == 0 && terms[4] == int64_t(8) << 32);
    uint16_t counts[kLevels] = {};
    LevelHistogram<uint16_t> histogram{counts, terms};
    for (int level : {5, 5, 9, 9, 200, 201, 5})
        histogram.add(level);
    histogram.remove(5);
    // Two of 5, two of 9, one each of two others.
    CHECK(std::abs(histogram.entropy() - 1.9182958340544896) < 1e-9);
    for (int level : {5, 5, 9, 9, 200})
        histogram.remove(level);
    CHECK(histogram.entropy() == 0);
}
