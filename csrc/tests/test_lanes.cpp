#include <cmath>

#include "check.h"
#include "common/lanes.h"

using namespace pyxai;

int main() {
    skip_unless_supported();
    // Whole numbers have one sum in any order.
    const int64_t sizes[] = {0, 1, 15, 16, 17, 100};
    for (const int64_t size : sizes)
        CHECK(sum_in_lanes<float>(size, [](int64_t i) { return float(i); }) == float(size * (size - 1) / 2));
    // 1e8 and -1e8 are in lanes 0 and 8, which are added first; 1 is in lane 1. In the order of the elements
    // 1e8 + 1 would lose the 1.
    const auto spread = [](int64_t i) { return i == 0 ? 1e8f : i == 1 ? 1.0f : i == 8 ? -1e8f : 0.0f; };
    CHECK(sum_in_lanes<float>(9, spread) == 1.0f);
    const int64_t places[] = {0, 15, 16, 98};
    for (const int64_t place : places)
        CHECK(greatest_in_lanes<float>(99, [=](int64_t i) {
                  return i == place ? 3.0f : i % 2 ? NAN : -1.0f;
              }) == 3.0f);
    CHECK(greatest_in_lanes<float>(99, [](int64_t) { return -1.0f; }) == 0.0f);
    float pairs[2 * kLanes];
    for (int i = 0; i < 2 * kLanes; ++i)
        pairs[i] = float(i);
    fold_lanes(pairs, 2);
    CHECK(pairs[0] == 240.0f && pairs[1] == 256.0f);
}
