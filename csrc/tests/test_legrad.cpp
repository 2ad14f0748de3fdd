#include "check.h"
#include "kernels/legrad.h"

using namespace pyxai;

int main() {
    skip_unless_supported();
    float none = 0;
    add_positive(none, -2.0f);
    CHECK(none == 0.0f);
    add_positive(none, 0.0f / 0.0f);
    CHECK(none != none);
    // Six queries of two entries, of which four are taken together: 1, 2, … with 3 and -1.
    const float gradient[12] = {1, 0, 2, 0, 3, 10, 4, 0, 5, 0, 6, 17};
    const float value[2] = {3, -1};
    const auto read = [&](int64_t k) { return value[k]; };
    float sum = 0;
    add_tile<float>(sum, gradient, 6, 2, read);
    CHECK(sum == 3.0f + 6.0f + 0.0f + 12.0f + 15.0f + 1.0f);
    // No entries are products of zero, and no queries nothing.
    float empty = 0;
    add_tile<float>(empty, gradient, 6, 0, read);
    add_tile<float>(empty, gradient, 0, 2, read);
    CHECK(empty == 0.0f);
}
