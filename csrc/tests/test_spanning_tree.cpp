#include "bindings/spanning_tree.h"
#include "check.h"

using namespace pyxai;

int main() {
    skip_unless_supported();
    // A bright square in a dark frame, and a dark pixel in its middle.
    const uint8_t frame[25] = {0, 0, 0, 0, 0, 0, 9, 9, 9, 0, 0, 9, 2, 9, 0, 0, 9, 9, 9, 0, 0, 0, 0, 0, 0};
    const Picture picture{frame, 5, 5, 1};
    const Tree tree = spanning_tree(picture);
    CHECK(tree.order.size() == 25 && tree.parent[0] == -1);
    int total = 0;
    for (int p = 1; p < 25; ++p)
        total += picture.weight(p, tree.parent[p]);
    CHECK(total == 9 + 7);
    uint8_t fast[25], exact[25];
    two_pass_distances(picture, tree, fast);
    exact_distances(picture, tree, exact);
    for (int p = 0; p < 25; ++p)
        CHECK(fast[p] == exact[p] && exact[p] == (frame[p] ? 9 : 0));
    // One pixel is border and tree at once.
    const Tree single = spanning_tree({frame + 6, 1, 1, 1});
    two_pass_distances({frame + 6, 1, 1, 1}, single, fast);
    CHECK(single.order.size() == 1 && fast[0] == 0);
}
