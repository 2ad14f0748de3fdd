#include <tuple>

#include "common/cuda.h"
#include "common/lanes.h"
#include "kernels/leading_eigenvector.h"

namespace pyxai {

// A block of threads, sixteen lanes for each sum; see kernels/leading_eigenvector.h.
template <class A>
struct Block {
    int lane = threadIdx.x % kLanes, first = threadIdx.x / kLanes;

    template <class F>
    __device__ void each(int64_t size, F f) {
        for (int64_t i = threadIdx.x; i < size; i += kThreads)
            f(i);
        __syncthreads();
    }

    template <class F>
    __device__ A sum(int64_t size, F f) {
        const A sum = in_lanes(size, f);
        __syncthreads();
        return sum;
    }

    template <class F, class G>
    __device__ void sums(int64_t count, int64_t size, F f, G g) {
        constexpr int64_t together = kThreads / kLanes;
        for (int64_t from = 0; from < count; from += together) {
            const int64_t i = from + first;
            const A sum = in_lanes(i < count ? size : 0, [&](int64_t j) { return f(i, j); });
            if (lane == 0 && i < count)
                g(i, sum);
        }
        __syncthreads();
    }

    template <class F>
    __device__ void once(F f) {
        if (threadIdx.x == 0)
            f();
        __syncthreads();
    }

    __device__ void subtract(A *to, const A *rows, const A *weights, int64_t count, int64_t size) {
        each(size, [=](int64_t j) {
            A value = to[j];
            for (int64_t i = 0; i < count; ++i)
                value -= weights[i] * rows[i * size + j];
            to[j] = value;
        });
    }

private:
    // The sum over this thread's lanes, in the order of fold_lanes. All lanes of a warp call it.
    template <class F>
    __device__ A in_lanes(int64_t size, F f) {
        A sum = 0;
        for (int64_t j = lane; j < size; j += kLanes)
            sum += f(j);
        for (int half = kLanes / 2; half > 0; half /= 2)
            sum += __shfl_xor_sync(0xffffffffu, sum, half, kLanes);
        return sum;
    }
};

// A block takes a matrix, and ends with it when it has converged: nothing is read by the host.
template <class T>
__global__ void leading_eigenvector_kernel(T *vectors, T *values, const T *matrices, accumulate_t<T> *memory,
                                           int64_t count, int64_t size) {
    using A = accumulate_t<T>;
    Block<A> team;
    for (int64_t i = blockIdx.x; i < count; i += gridDim.x)
        lead(team, vectors + i * size, values + i, matrices + i * size * size, size,
             LeadingScratch<A>(memory + i * LeadingScratch<A>::values(size), size));
}

static std::tuple<Tensor, Tensor> leading_eigenvector(const Tensor &matrices) {
    const int64_t count = matrices.size(0), size = matrices.size(1);
    const Tensor dense = contiguous(matrices);
    const Tensor vectors = torch::stable::new_empty(dense, {count, size});
    const Tensor values = torch::stable::new_empty(dense, {count});
    if (count == 0)
        return {vectors, values};
    const Queue queue("leading_eigenvector", matrices);
    dispatch_floating(matrices.scalar_type(), "leading_eigenvector", [&](auto zero) {
        using T = decltype(zero);
        using A = accumulate_t<T>;
        const int64_t bytes = LeadingScratch<A>::values(size) * sizeof(A);
        const Tensor memory = torch::stable::new_empty(dense, {count, bytes}, ScalarType::Byte);
        launch<leading_eigenvector_kernel<T>>(
            grid_of(count), kThreads, 0, queue, vectors.mutable_data_ptr<T>(), values.mutable_data_ptr<T>(),
            dense.const_data_ptr<T>(), static_cast<A *>(memory.data_ptr()), count, size);
    });
    return {vectors, values};
}

PYXAI_CUDA_OPERATORS(library) {
    library.impl("leading_eigenvector", TORCH_BOX(&leading_eigenvector));
}

} // namespace pyxai
