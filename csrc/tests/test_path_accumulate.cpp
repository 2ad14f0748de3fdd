#include "check.h"
#include "kernels/path_accumulate.h"

using namespace pyxai;

int main() {
    skip_unless_supported();
    float total = 1.0f;
    path_accumulate(total, 3.0f, 0.5f);
    CHECK(total == 2.5f);
    double wide = 1.0; // rows are widened before they are multiplied
    path_accumulate(wide, 0.1f, 3.0);
    CHECK(wide == 1.0 + 3.0 * static_cast<double>(0.1f));
}
