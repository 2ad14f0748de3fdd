#include <cfloat>

#include "check.h"
#include "kernels/normalize_map.h"

using namespace pyxai;

int main() {
    skip_unless_supported();
    const float none = NAN;
    CHECK(rectified(-2.0f, floor_of<float>(true)) == 0.0f &&
          rectified(-2.0f, floor_of<float>(false)) == -2.0f);
    CHECK(rectified(none, floor_of<float>(true)) != rectified(none, floor_of<float>(true)));
    CHECK(lesser(1.0f, 2.0f) == 1.0f && greater(1.0f, 2.0f) == 2.0f);
    const float pairs[][2] = {{none, 2}, {1, none}, {none, none}};
    for (const float (&pair)[2] : pairs) {
        const float low = lesser(pair[0], pair[1]), high = greater(pair[0], pair[1]);
        CHECK(low != low && high != high);
    }
    const Extent<float> extent{-2, 6};
    CHECK(extent.within(Range::min_max)(0.0f) == 0.25f);
    CHECK(extent.within(Range::max)(3.0f) == 0.5f);
    CHECK(extent.within(Range::none)(3.0f) == 3.0f);
    CHECK((Extent<float>{-4, -1}.within(Range::max)(-4.0f) == -4.0f));
    CHECK((Extent<float>{3, 3}.within(Range::min_max)(3.0f) == 0.0f));
    // Least and greatest numbers that there are: their distance is none.
    const Scaling<float> widest = Extent<float>{-FLT_MAX, FLT_MAX}.within(Range::min_max);
    CHECK(widest(-FLT_MAX) == 0.0f && widest(0.0f) == 0.5f && widest(FLT_MAX) == 1.0f);
}
