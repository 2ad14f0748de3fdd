#include "kernels/uniform_noise.h"
#include "common/noise_rows.h"

namespace pyxai {

static Tensor uniform_noise(const Tensor &ids, const Tensor &draws, int64_t seed, std::vector<int64_t> shape,
                            ScalarType dtype) {
    return noise_rows<Uniform>("uniform_noise", ids, draws, seed, std::move(shape), dtype);
}

STABLE_TORCH_LIBRARY_IMPL(pyxai, CPU, library) {
    library.impl("uniform_noise", TORCH_BOX(&uniform_noise));
}

} // namespace pyxai
