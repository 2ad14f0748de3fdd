#include "kernels/normal_noise.h"
#include "common/noise_rows.h"

namespace pyxai {

static Tensor normal_noise(const Tensor &ids, const Tensor &draws, int64_t seed, std::vector<int64_t> shape,
                           ScalarType dtype) {
    return noise_rows<Normal>("normal_noise", ids, draws, seed, std::move(shape), dtype);
}

STABLE_TORCH_LIBRARY_IMPL(pyxai, CPU, library) {
    library.impl("normal_noise", TORCH_BOX(&normal_noise));
}

} // namespace pyxai
