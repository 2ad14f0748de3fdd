#include "common/noise_grid.h"
#include "kernels/normal_noise.h"

namespace pyxai {

static Tensor normal_noise(const Tensor &ids, const Tensor &draws, int64_t seed, std::vector<int64_t> shape,
                           ScalarType dtype) {
    return noise_grid<Normal>("normal_noise", ids, draws, seed, std::move(shape), dtype);
}

PYXAI_CUDA_OPERATORS(library) {
    library.impl("normal_noise", TORCH_BOX(&normal_noise));
}

} // namespace pyxai
