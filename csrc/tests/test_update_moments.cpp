#include "check.h"
#include "kernels/update_moments.h"

using namespace pyxai;

int main() {
    skip_unless_supported();
    double mean = 0, m2 = 0;
    for (int n = 1; n <= 4; ++n)
        update_moments(mean, m2, static_cast<double>(n), static_cast<double>(n));
    CHECK(mean == 2.5);
    CHECK(m2 == 5.0); // 2.25 + 0.25 + 0.25 + 2.25
}
