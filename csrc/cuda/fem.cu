#include "common/channel_grid.h"
#include "kernels/fem.h"

namespace pyxai {

template <class T>
__global__ void fem_channels_kernel(FemChannel<accumulate_t<T>> *channels, const T *values, int64_t images,
                                    ChannelLayout layout, accumulate_t<T> k, bool weighted) {
    using A = accumulate_t<T>;
    const LaneThread thread(!layout.beside);
    const A count = static_cast<A>(layout.places);
    for_items(images, layout.channels, thread, [&](int64_t image, int64_t c) {
        const bool inside = c < layout.channels;
        const auto value = [&](int64_t p) { return static_cast<A>(values[layout.at(image, c, p)]); };
        A greatest = 0, sum = 0, squares = 0;
        for (int64_t p = thread.lane; inside && p < layout.places; p += kLanes) {
            const A magnitude = std::fabs(value(p));
            greatest = magnitude > greatest ? magnitude : greatest;
        }
        const A scale = A(1) / power_of_two(thread.greatest(greatest));
        const A first = inside ? value(0) * scale : A(0);
        for (int64_t p = thread.lane; inside && p < layout.places; p += kLanes)
            sum += fem_value(value(p), scale, first);
        const A mean = thread.fold(sum) / count;
        for (int64_t p = thread.lane; inside && p < layout.places; p += kLanes)
            squares += fem_square(value(p), scale, first, mean);
        squares = thread.fold(squares);
        if (inside && thread.lane == 0)
            channels[image * layout.channels + c] =
                fem_channel(scale, first, mean, squares, count, k, weighted);
    });
}

static Tensor fem(const Tensor &values, double k, bool strict, bool weighted) {
    const int64_t images = values.size(0);
    const Tensor dense = contiguous(values, memory_format(values));
    Tensor out = torch::stable::new_empty(dense, {images, values.size(2), values.size(3)});
    if (out.numel() == 0)
        return out;
    const Queue queue("fem", values);
    dispatch_floating(values.scalar_type(), "fem", [&](auto zero) {
        using T = decltype(zero);
        using A = accumulate_t<T>;
        const ChannelLayout layout(dense);
        const size_t shared = kLaneThreads * sizeof(A);
        const Tensor scratch = torch::stable::new_empty(
            dense, {images, layout.channels, static_cast<int64_t>(sizeof(FemChannel<A>))}, ScalarType::Byte);
        auto *channels = static_cast<FemChannel<A> *>(scratch.data_ptr());
        const T *in = dense.const_data_ptr<T>();
        if (layout.channels > 0)
            launch<fem_channels_kernel<T>>(item_grid(images, layout.channels), kLaneThreads, shared, queue,
                                           channels, in, images, layout, static_cast<A>(k), weighted);
        launch<channel_sums_kernel<T, FemChannel<A>, FemMark<A>>>(
            item_grid(images, layout.places), kLaneThreads, shared, queue, out.mutable_data_ptr<T>(), in,
            channels, FemMark<A>{strict}, images, layout);
    });
    return out;
}

PYXAI_CUDA_OPERATORS(library) {
    library.impl("fem", TORCH_BOX(&fem));
}

} // namespace pyxai
