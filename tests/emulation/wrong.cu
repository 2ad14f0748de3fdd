// Kernels with one mistake each, which the emulation must find, and after them some without any. Each is an
// operator from float values, as many as its threads, to as many.
#include "common/cuda.h"

namespace pyxai {

// Every thread adds to the same sum.
__global__ void race_in_shared(float *out, const float *in, int64_t) {
    float *sum = dynamic_shared<float>();
    if (threadIdx.x == 0)
        *sum = 0;
    __syncthreads();
    *sum += in[threadIdx.x];
    __syncthreads();
    out[threadIdx.x] = *sum;
}

__global__ void missing_barrier(float *out, const float *in, int64_t) {
    float *values = dynamic_shared<float>();
    values[threadIdx.x] = in[threadIdx.x];
    out[threadIdx.x] = values[blockDim.x - 1 - threadIdx.x];
}

// The barrier is there before the first exchange, and lacks before the second.
__global__ void missing_second_barrier(float *out, const float *in, int64_t) {
    float *values = dynamic_shared<float>();
    const int other = blockDim.x - 1 - threadIdx.x;
    values[threadIdx.x] = in[threadIdx.x];
    __syncthreads();
    const float first = values[other];
    values[threadIdx.x] = first + 1;
    __syncthreads();
    out[threadIdx.x] = values[other];
}

__global__ void race_between_blocks(float *out, const float *in, int64_t) {
    if (threadIdx.x == 0)
        out[0] += in[blockIdx.x];
}

__global__ void one_too_far(float *out, const float *in, int64_t size) {
    for (int64_t i = blockIdx.x * blockDim.x + threadIdx.x; i <= size; i += gridDim.x * blockDim.x)
        out[i] = in[i];
}

__global__ void one_too_early(float *out, const float *in, int64_t) {
    out[threadIdx.x] = in[static_cast<int64_t>(threadIdx.x) - 1];
}

// Copied by the C library, which announces no access, so that only the page behind the buffer can tell.
__global__ void copies_too_much(float *out, const float *in, int64_t size) {
    if (threadIdx.x == 0 && blockIdx.x == 0)
        std::memcpy(out, in, (size + 1) * sizeof(float));
}

float elsewhere;

__global__ void writes_elsewhere(float *out, const float *in, int64_t) {
    if (threadIdx.x == 0 && blockIdx.x == 0)
        elsewhere = in[0];
    out[blockIdx.x * blockDim.x + threadIdx.x] = in[threadIdx.x];
}

// Memory of the host, as a pointer to it would be that was never copied to the device.
__global__ void reads_elsewhere(float *out, const float *in, int64_t) {
    const int at = blockIdx.x * blockDim.x + threadIdx.x;
    out[at] = in[at] + elsewhere;
}

__global__ void writes_its_input(float *out, const float *in, int64_t) {
    const int at = blockIdx.x * blockDim.x + threadIdx.x;
    out[at] = in[at];
    const_cast<float *>(in)[at] = 0;
}

// Right itself, but its operator looks at a value, or asks for more blocks than there may be.
__global__ void host_reads(float *out, const float *in, int64_t size) {
    for (int64_t i = blockIdx.x * blockDim.x + threadIdx.x; i < size; i += gridDim.x * blockDim.x)
        out[i] = in[i];
}

__global__ void too_many_blocks(float *out, const float *in, int64_t) {
    const int at = blockIdx.x * blockDim.x + threadIdx.x;
    out[at] = in[at];
}

__global__ void divergent_vote(float *out, const float *in, int64_t) {
    if (threadIdx.x % 32 < 16)
        out[threadIdx.x] = __ballot_sync(0xffffffffu, in[threadIdx.x] > 0);
}

// Both halves of a warp vote, at places of their own.
__global__ void votes_apart(float *out, const float *in, int64_t) {
    if (threadIdx.x % 32 < 16)
        out[threadIdx.x] = __any_sync(0xffffffffu, in[threadIdx.x] > 0);
    else
        out[threadIdx.x] = __any_sync(0xffffffffu, in[threadIdx.x] > 1);
}

__global__ void divergent_shuffle(float *out, const float *in, int64_t) {
    if (threadIdx.x < 40)
        out[threadIdx.x] = __shfl_down_sync(0xffffffffu, in[threadIdx.x], 1);
}

__global__ void shuffle_from_nobody(float *out, const float *in, int64_t) {
    if (threadIdx.x % 32 < 16)
        out[threadIdx.x] = __shfl_sync(0x0000ffffu, in[threadIdx.x], 20);
}

__global__ void divergent_barrier(float *out, const float *in, int64_t) {
    if (threadIdx.x < 32)
        __syncthreads();
    out[threadIdx.x] = in[threadIdx.x];
}

__global__ void unwritten_shared(float *out, const float *in, int64_t) {
    float *values = dynamic_shared<float>();
    if (threadIdx.x > 0)
        values[threadIdx.x] = in[threadIdx.x];
    __syncthreads();
    out[threadIdx.x] = values[threadIdx.x];
}

// The same through the C library: its poison shows.
__global__ void copies_unwritten_shared(float *out, const float *, int64_t) {
    std::memcpy(out + threadIdx.x, dynamic_shared<float>() + threadIdx.x, blockDim.x / 16);
}

__global__ void unwritten_result(float *out, const float *in, int64_t size) {
    const int64_t i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < size - 1)
        out[i] = in[i];
}

// Atomic, and yet the last one wins.
__global__ void depends_on_order(float *out, const float *, int64_t) {
    atomicExch(out + threadIdx.x, static_cast<float>(blockIdx.x));
}

__global__ void asserts(float *out, const float *in, int64_t) {
    assert(threadIdx.x != 5);
    out[threadIdx.x] = in[threadIdx.x];
}

// Those without a mistake begin here. A block takes as many values at a time as it has threads.
template <class F>
static void for_values(int64_t size, F f) {
    for (int64_t first = blockIdx.x * blockDim.x; first < size; first += gridDim.x * blockDim.x)
        f(first + threadIdx.x);
}

// Every thread gets the sum of its block's values: by shuffles in a warp, through shared memory between
// warps.
__global__ void sums(float *out, const float *in, int64_t size) {
    float *of_warps = dynamic_shared<float>();
    for_values(size, [&](int64_t at) {
        float sum = in[at];
        for (int by = 16; by > 0; by /= 2)
            sum += __shfl_xor_sync(0xffffffffu, sum, by);
        if (threadIdx.x % 32 == 0)
            of_warps[threadIdx.x / 32] = sum;
        __syncthreads();
        sum = 0;
        for (unsigned warp = 0; warp < blockDim.x / 32; ++warp)
            sum += of_warps[warp];
        out[at] = sum;
        __syncthreads();
    });
}

// Lanes of a warp hand values on through shared memory, one way and back.
__global__ void turns(float *out, const float *in, int64_t size) {
    float *values = dynamic_shared<float>();
    for_values(size, [&](int64_t at) {
        values[threadIdx.x] = in[at];
        __syncwarp();
        const float next = values[threadIdx.x ^ 1];
        __syncwarp();
        values[threadIdx.x] = next;
        __syncwarp();
        out[at] = values[threadIdx.x ^ 1];
        __syncwarp();
    });
}

// Each half of a warp votes, and hands its values on to both sides.
__global__ void halves(float *out, const float *in, int64_t size) {
    const unsigned half = threadIdx.x % 32 < 16 ? 0x0000ffffu : 0xffff0000u;
    for_values(size, [&](int64_t at) {
        const unsigned votes = __ballot_sync(half, in[at] > 0);
        const int all = __all_sync(half, votes != 0), any = __any_sync(half, in[at] > 0);
        const float before = __shfl_up_sync(half, in[at], 1, 16);
        const float after = __shfl_down_sync(half, in[at], 1, 16);
        const float last = __shfl_sync(half, in[at], 15, 16);
        out[at] = 100.f * __popc(votes) + 10 * all + any + 1000 * (before + after + last);
    });
}

// Counts, looks for the least and the greatest, and whether there is anything, all by atomics.
__global__ void counts(float *out, const float *in, int64_t size) {
    for_values(size, [&](int64_t at) {
        atomicAdd(out, 1);
        atomicMin(out + 1, in[at]);
        atomicMax(out + 2, in[at]);
        atomicCAS(out + 3, 0, static_cast<float>(size));
    });
}

template <auto kernel>
static Tensor run(const Tensor &in, int64_t threads, int64_t shared) {
    const Tensor from = contiguous(in);
    Tensor out = torch::stable::new_empty(in, {in.numel()});
    if (kernel == counts)
        torch::stable::zero_(out);
    const Queue queue("wrong", in);
    if (kernel == host_reads)
        elsewhere = from.const_data_ptr<float>()[0];
    const int64_t blocks = in.numel() / threads;
    launch<kernel>(kernel == too_many_blocks ? dim3(blocks) : grid_of(blocks), threads, shared, queue,
                   out.mutable_data_ptr<float>(), from.const_data_ptr<float>(), in.numel());
    return out;
}

#define PYXAI_REGISTER(kernel) library.impl(#kernel, TORCH_BOX(&run<kernel>))

PYXAI_CUDA_OPERATORS(library) {
    PYXAI_REGISTER(race_in_shared);
    PYXAI_REGISTER(missing_barrier);
    PYXAI_REGISTER(missing_second_barrier);
    PYXAI_REGISTER(race_between_blocks);
    PYXAI_REGISTER(one_too_far);
    PYXAI_REGISTER(one_too_early);
    PYXAI_REGISTER(copies_too_much);
    PYXAI_REGISTER(writes_elsewhere);
    PYXAI_REGISTER(reads_elsewhere);
    PYXAI_REGISTER(writes_its_input);
    PYXAI_REGISTER(host_reads);
    PYXAI_REGISTER(too_many_blocks);
    PYXAI_REGISTER(divergent_vote);
    PYXAI_REGISTER(votes_apart);
    PYXAI_REGISTER(divergent_shuffle);
    PYXAI_REGISTER(shuffle_from_nobody);
    PYXAI_REGISTER(divergent_barrier);
    PYXAI_REGISTER(unwritten_shared);
    PYXAI_REGISTER(copies_unwritten_shared);
    PYXAI_REGISTER(unwritten_result);
    PYXAI_REGISTER(depends_on_order);
    PYXAI_REGISTER(asserts);
    PYXAI_REGISTER(sums);
    PYXAI_REGISTER(turns);
    PYXAI_REGISTER(halves);
    PYXAI_REGISTER(counts);
}

} // namespace pyxai
