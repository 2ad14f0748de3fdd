#include "check.h"
#include "kernels/grad_cam.h"

using namespace pyxai;

int main() {
    skip_unless_supported();
    CHECK(GradCamTerm<float>{}(-2.0f, 3.0f) == -6.0f);
}
