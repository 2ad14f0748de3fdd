#include "check.h"
#include "kernels/obfuscate_adjoint.h"

using namespace pyxai;

int main() {
    skip_unless_supported();
    CHECK((before_clamp<float, float>(5, 2, 2, 4)) == 0.0f &&
          (before_clamp<float, float>(5, 4, 2, 4)) == 0.0f);
    CHECK((before_clamp<float, float>(5, 3, 2, 4)) == 10.0f);
    // The ends are those of the channel, also where black is the larger; the gradient then turns round.
    CHECK((before_clamp<float, float>(5, 4, 4, 2)) == 0.0f &&
          (before_clamp<float, float>(5, 3, 4, 2)) == -10.0f);
    // A float32 end is found among sums in float64.
    CHECK((before_clamp<float, double>(5, 0.1f, 0.1, 1.0)) == 0.0);
}
