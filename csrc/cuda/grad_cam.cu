#include "common/channel_grid.h"
#include "kernels/grad_cam.h"

namespace pyxai {

template <class T>
__global__ void channel_means_kernel(accumulate_t<T> *means, const T *values, int64_t images,
                                     ChannelLayout layout) {
    using A = accumulate_t<T>;
    const LaneThread thread(!layout.beside);
    for_items(images, layout.channels, thread, [&](int64_t image, int64_t c) {
        A sum = 0;
        for (int64_t p = thread.lane; c < layout.channels && p < layout.places; p += kLanes)
            sum += static_cast<A>(values[layout.at(image, c, p)]);
        sum = thread.fold(sum);
        if (c < layout.channels && thread.lane == 0)
            means[image * layout.channels + c] = sum / static_cast<A>(layout.places);
    });
}

static Tensor grad_cam(const Tensor &values, const Tensor &gradient) {
    const int64_t images = values.size(0);
    const MemoryFormat format = memory_format(values);
    const Tensor dense = contiguous(values, format), slopes = contiguous(gradient, format);
    Tensor out = torch::stable::new_empty(dense, {images, values.size(2), values.size(3)});
    if (out.numel() == 0)
        return out;
    const Queue queue("grad_cam", values);
    dispatch_floating(values.scalar_type(), "grad_cam", [&](auto zero) {
        using T = decltype(zero);
        using A = accumulate_t<T>;
        const ChannelLayout layout(dense);
        const size_t shared = kLaneThreads * sizeof(A);
        const Tensor scratch = torch::stable::new_empty(
            dense, {images, layout.channels, static_cast<int64_t>(sizeof(A))}, ScalarType::Byte);
        A *weights = static_cast<A *>(scratch.data_ptr());
        if (layout.channels > 0)
            launch<channel_means_kernel<T>>(item_grid(images, layout.channels), kLaneThreads, shared, queue,
                                            weights, slopes.const_data_ptr<T>(), images, layout);
        launch<channel_sums_kernel<T, A, GradCamTerm<A>>>(
            item_grid(images, layout.places), kLaneThreads, shared, queue, out.mutable_data_ptr<T>(),
            dense.const_data_ptr<T>(), weights, GradCamTerm<A>{}, images, layout);
    });
    return out;
}

PYXAI_CUDA_OPERATORS(library) {
    library.impl("grad_cam", TORCH_BOX(&grad_cam));
}

} // namespace pyxai
