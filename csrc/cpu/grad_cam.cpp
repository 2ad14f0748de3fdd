#include "kernels/grad_cam.h"
#include "common/channel_sums.h"

namespace pyxai {

// The weights of an image's channels whose gradients begin at `gradient`, as `sum_channels` asks for them.
template <class T>
struct GradCamWeights {
    using A = accumulate_t<T>;
    const T *gradient;
    int64_t places, size;

    GradCamWeights image(int64_t at) const { return {gradient + at, places, size}; }

    PYXAI_HD A operator()(int64_t at) const {
        const T *plane = gradient + at;
        return sum_in_lanes<A>(places, [&](int64_t p) { return static_cast<A>(plane[p]); }) /
               static_cast<A>(places);
    }

    void operator()(A *to, int64_t at, int64_t columns) const {
        column_sums(to, gradient + at, places, size, columns, Itself{});
        for (int64_t c = 0; c < columns; ++c)
            to[c] /= static_cast<A>(places);
    }

    struct Itself {
        PYXAI_HD A operator()(A value, int64_t) const { return value; }
    };
};

static Tensor grad_cam(const Tensor &values, const Tensor &gradient) {
    const MemoryFormat format = memory_format(values);
    const Tensor dense = contiguous(values, format), slopes = contiguous(gradient, format);
    Tensor out = torch::stable::new_empty(dense, {values.size(0), values.size(2), values.size(3)});
    if (out.numel() == 0)
        return out;
    dispatch_floating(values.scalar_type(), "grad_cam", [&](auto zero) {
        using T = decltype(zero);
        sum_channels(
            out.mutable_data_ptr<T>(), dense.const_data_ptr<T>(), dense, GradCamTerm<accumulate_t<T>>{},
            GradCamWeights<T>{slopes.const_data_ptr<T>(), values.size(2) * values.size(3), values.size(1)});
    });
    return out;
}

STABLE_TORCH_LIBRARY_IMPL(pyxai, CPU, library) {
    library.impl("grad_cam", TORCH_BOX(&grad_cam));
}

} // namespace pyxai
