#include "check.h"
#include "kernels/fem.h"

using namespace pyxai;

int main() {
    skip_unless_supported();
    CHECK(fem_square(10.0f, 0.5f, 1.0f, 2.0f) == 4.0f);
    // 36 places of which one is 36 above the others: variance 35 and, from the first value, mean 1.
    const FemChannel<double> spike = fem_channel(1.0, 2.0, 1.0, 36 * 36.0, 36.0, 1.0, true);
    CHECK(spike.limit == 7.0 && spike.weight == 3.0);
    const FemMark<double> at_least{false}, above{true};
    CHECK(at_least(spike, 38.0) == 3.0 && at_least(spike, 2.0) == 0.0);
    CHECK(at_least(spike, 9.0) == 3.0 && above(spike, 9.0) == 0.0);
    CHECK(fem_channel(1.0, 2.0, 1.0, 0.0, 36.0, 1.0, false).weight == 1.0);
    // Values that are scaled: the weight is not, and a value is compared as it was.
    const FemChannel<double> small = fem_channel(0.25, 2.0, 1.0, 36 * 36.0, 36.0, 1.0, true);
    CHECK(small.weight == 12.0 && at_least(small, 36.0) == 12.0 && at_least(small, 35.0) == 0.0);
    // What is no number does not become one.
    const FemChannel<float> none = fem_channel(1.0f, 0.0f / 0.0f, 0.0f, 0.0f, 1.0f, 1.0f, true);
    const float mark = FemMark<float>{true}(none, 1.0f);
    CHECK(mark != mark);
}
