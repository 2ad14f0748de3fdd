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
    CHECK(in_extent(0.0f, extent.within(Range::min_max)) == 0.25f);
    CHECK(in_extent(3.0f, extent.within(Range::max)) == 0.5f);
    CHECK(in_extent(3.0f, extent.within(Range::none)) == 3.0f);
    CHECK(in_extent(-4.0f, Extent<float>{-4, -1}.within(Range::max)) == -4.0f);
    CHECK(in_extent(3.0f, Extent<float>{3, 3}.within(Range::min_max)) == 0.0f);
}
