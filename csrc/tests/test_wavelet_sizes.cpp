#include "check.h"
#include "common/wavelet_sizes.h"

using namespace pyxai;

int main() {
    skip_unless_supported();
    const WaveletSizes sizes(256, 256, 5, 6);
    const int64_t expected[] = {256, 130, 67, 36, 20, 12};
    for (int j = 0; j <= 5; ++j)
        CHECK(sizes.rows[j] == expected[j] && sizes.columns[j] == expected[j]);
    CHECK(sizes.size == 69831);
    CHECK(sizes.part(0) == 0 && sizes.part(1) == 144 && sizes.part(6) == sizes.size);
    CHECK(sizes.most_plane == 130 * 130 && sizes.most_lines == 256 * 130 && sizes.most_columns == 256);
    CHECK(WaveletSizes(7, 5, 0, 2).size == 35);
    // Small planes grow if the filters are long.
    const WaveletSizes small(2, 3, 1, 8);
    CHECK(small.most_plane == 4 * 5 && small.most_lines == 2 * 5 && small.most_columns == 5);
}
