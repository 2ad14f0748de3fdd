// Maps on CUDA that are sums over an image's channels, and the sums over places that come before. A block has
// sixteen lanes for each of sixteen items, which are channels or places beside each other.
#pragma once

#include "common/cuda.h"
#include "common/lanes.h"

namespace pyxai {

constexpr int kItems = 16;
constexpr int kLaneThreads = kLanes * kItems;

// Where value (channel, place) of an image lies.
struct ChannelLayout {
    int64_t channels, places;
    bool beside; // whether a place's channels lie together, else a channel's places do

    explicit ChannelLayout(const Tensor &t)
        : channels(t.size(1)), places(t.size(2) * t.size(3)),
          beside(memory_format(t) == MemoryFormat::ChannelsLast) {}

    PYXAI_HD int64_t at(int64_t image, int64_t channel, int64_t place) const {
        return image * channels * places + (beside ? place * channels + channel : channel * places + place);
    }
};

// A thread's part: neighbours in a warp are what lies together in memory.
struct LaneThread {
    int lane, item;

    __device__ explicit LaneThread(bool lanes_together)
        : lane(lanes_together ? threadIdx.x % kLanes : threadIdx.x / kItems),
          item(lanes_together ? threadIdx.x / kLanes : threadIdx.x % kItems) {}

    // The sum of the lanes of this thread's item, in the order of fold_lanes. All threads of a block call it.
    template <class A>
    __device__ A fold(A value) const {
        return fold(value, [](A one, A other) { return one + other; });
    }

    // The greatest of them.
    template <class A>
    __device__ A greatest(A value) const {
        return fold(value, [](A one, A other) { return other > one ? other : one; });
    }

private:
    template <class A, class F>
    __device__ A fold(A value, F combined) const {
        A *lanes = dynamic_shared<A>() + item;
        lanes[lane * kItems] = value;
        for (int half = kLanes / 2; half > 0; half /= 2) {
            __syncthreads();
            if (lane < half)
                lanes[lane * kItems] = combined(lanes[lane * kItems], lanes[(lane + half) * kItems]);
        }
        __syncthreads();
        const A folded = *lanes;
        __syncthreads();
        return folded;
    }
};

// f(image, item) for every item of every image; all threads of a block make the same calls.
template <class F>
__device__ __forceinline__ void for_items(int64_t images, int64_t items, const LaneThread &thread, F f) {
    for (int64_t image = blockIdx.y; image < images; image += gridDim.y)
        for (int64_t first = blockIdx.x * int64_t(kItems); first < items;
             first += gridDim.x * int64_t(kItems))
            f(image, first + thread.item);
}

template <class T, class Channel, class Term>
__global__ void channel_sums_kernel(T *out, const T *values, const Channel *channels, Term term,
                                    int64_t images, ChannelLayout layout) {
    using A = accumulate_t<T>;
    const LaneThread thread(layout.beside);
    for_items(images, layout.places, thread, [&](int64_t image, int64_t place) {
        A sum = 0;
        for (int64_t c = thread.lane; place < layout.places && c < layout.channels; c += kLanes)
            sum += term(channels[image * layout.channels + c],
                        static_cast<A>(values[layout.at(image, c, place)]));
        sum = thread.fold(sum);
        if (thread.lane == 0 && place < layout.places)
            out[image * layout.places + place] = static_cast<T>(sum);
    });
}

// Blocks over (items of an image, images).
inline dim3 item_grid(int64_t images, int64_t items) {
    return grid_of((items + kItems - 1) / kItems, images);
}

} // namespace pyxai
