#include "common/noise_grid.h"
#include "kernels/uniform_noise.h"

namespace pyxai {

static Tensor uniform_noise(const Tensor &ids, const Tensor &draws, int64_t seed, std::vector<int64_t> shape,
                            ScalarType dtype) {
    return noise_grid<Uniform>("uniform_noise", ids, draws, seed, std::move(shape), dtype);
}

PYXAI_CUDA_OPERATORS(library) {
    library.impl("uniform_noise", TORCH_BOX(&uniform_noise));
}

} // namespace pyxai
