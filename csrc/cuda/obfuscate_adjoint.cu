#include "common/obfuscation_grid.h"
#include "common/wavelet_grid.h"
#include "kernels/obfuscate_adjoint.h"

namespace pyxai {

template <class T>
__global__ void load_kernel(accumulate_t<T> *planes, const T *grad, const T *values,
                            ObfuscationArguments<T> work, int64_t rows) {
    const int64_t pixels = work.sizes.plane(0), channels = work.channels;
    for_elements(rows, channels * pixels, [&](int64_t row, int64_t e, bool inside) {
        if (!inside)
            return;
        const int64_t c = e / pixels, at = row * channels * pixels, from = at + e % pixels * channels + c;
        planes[at + e] = before_clamp(grad[from], values[from], work.black[c], work.white[c]);
    });
}

// The transpose of a synthesis is the analysis with its filters reversed.
template <class A>
__global__ void reverse_kernel(A *out, const A *filters, int64_t taps) {
    for_elements(2, taps, [&](int64_t filter, int64_t j, bool inside) {
        if (inside)
            out[filter * taps + j] = filters[filter * taps + taps - 1 - j];
    });
}

// A gather: every element of `total` adds the rows of its own image, in order.
template <class T>
__global__ void reduce_kernel(accumulate_t<T> *total, const accumulate_t<T> *grad,
                              ObfuscationArguments<T> work, int64_t rows, int64_t images) {
    using A = accumulate_t<T>;
    const int64_t size = work.sizes.size;
    for_elements(images, size, [&](int64_t image, int64_t k, bool inside) {
        A sum = inside ? total[image * size + k] : A(0);
        for_rows_of(image, work.index, rows, images, [&](int64_t row) {
            for (int64_t c = 0; inside && c < work.channels; ++c) {
                const A value = static_cast<A>(work.coefficients[(image * work.channels + c) * size + k]);
                sum += grad[(row * work.channels + c) * size + k] * (value - replacement_at(work, row, c, k));
            }
        });
        if (inside)
            total[image * size + k] = sum;
    });
}

static void obfuscate_adjoint_(const Tensor &total, const Tensor &grad, const Tensor &images,
                               const Tensor &coefficients, const Tensor &centre, const Tensor &spread,
                               const Tensor &index, const Tensor &ids, const Tensor &draws,
                               const Tensor &filters, const Tensor &black, const Tensor &white,
                               int64_t levels, std::string noise, int64_t seed) {
    const int64_t count = coefficients.size(0), channels = coefficients.size(1), rows = index.numel();
    const WaveletSizes sizes(images.size(2), images.size(3), static_cast<int>(levels), filters.size(1));
    const Tensor sum = contiguous(total), from = contiguous(grad, MemoryFormat::ChannelsLast),
                 values = contiguous(images, MemoryFormat::ChannelsLast);
    if (values.numel() == 0)
        return;
    const ObfuscationTensors tensors(coefficients, centre, spread, index, ids, draws, filters, black, white);
    const Queue queue("obfuscate_adjoint_", coefficients);
    const Tensor reversed = torch::stable::new_empty(filters, {2, sizes.taps});
    dispatch_floating(coefficients.scalar_type(), "obfuscate_adjoint_", [&](auto zero) {
        using T = decltype(zero);
        using A = accumulate_t<T>;
        const ObfuscationArguments<T> work(tensors, sizes, noise == "normal", seed);
        const int64_t planes = rows * channels;
        const Tensor pulled = torch::stable::new_empty(filters, {planes, sizes.size});
        const Tensor pixels = torch::stable::new_empty(filters, {planes, sizes.plane(0)});
        const GridScratch<A> scratch(filters, filters.scalar_type(), sizes, planes);
        launch<reverse_kernel<A>>(row_grid(2, sizes.taps), kThreads, 0, queue, reversed.mutable_data_ptr<A>(),
                                  work.filters, sizes.taps);
        launch<load_kernel<T>>(row_grid(rows, channels * sizes.plane(0)), kThreads, 0, queue,
                               pixels.mutable_data_ptr<A>(), from.const_data_ptr<T>(),
                               values.const_data_ptr<T>(), work, rows);
        analyse_planes(pulled.mutable_data_ptr<A>(), pixels.const_data_ptr<A>(), reversed.const_data_ptr<A>(),
                       sizes, planes, Padding::zero, scratch, queue);
        launch<reduce_kernel<T>>(row_grid(count, sizes.size), kThreads, 0, queue, sum.mutable_data_ptr<A>(),
                                 pulled.const_data_ptr<A>(), work, rows, count);
    });
    copy_back(total, sum);
}

PYXAI_CUDA_OPERATORS(library) {
    library.impl("obfuscate_adjoint_", TORCH_BOX(&obfuscate_adjoint_));
}

} // namespace pyxai
