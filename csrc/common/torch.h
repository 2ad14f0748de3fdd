// The only file that includes torch: its stable ABI, at the version of the oldest supported torch (2.10).
#pragma once

#define TORCH_TARGET_VERSION 0x020a000000000000ULL

#include <torch/csrc/stable/accelerator.h>
#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>
#include <torch/headeronly/core/MemoryFormat.h>
#include <torch/headeronly/util/BFloat16.h>
#include <torch/headeronly/util/Exception.h>
#include <torch/headeronly/util/Half.h>

#include <vector>

#include "common/hd.h"

namespace pyxai {

using torch::headeronly::MemoryFormat;
using torch::headeronly::ScalarType;
using torch::stable::contiguous;
using torch::stable::Tensor;

// Calls f with a value of the C++ type that `type` names.
template <class F>
void dispatch_floating(ScalarType type, const char *op, F &&f) {
    switch (type) {
    case ScalarType::Float:
        return f(float{});
    case ScalarType::Double:
        return f(double{});
    case ScalarType::Half:
        return f(torch::headeronly::Half{});
    case ScalarType::BFloat16:
        return f(torch::headeronly::BFloat16{});
    default:
        STD_TORCH_CHECK(false, op, ": expected a floating point tensor");
    }
}

// The same for the types sums are kept in.
template <class F>
void dispatch_accumulate(ScalarType type, const char *op, F &&f) {
    switch (type) {
    case ScalarType::Float:
        return f(float{});
    case ScalarType::Double:
        return f(double{});
    default:
        STD_TORCH_CHECK(false, op, ": expected float32 or float64");
    }
}

// Calls f with a value of the type of `sums` and one of the type of `rows`, which are added to them.
template <class F>
void dispatch_added(const Tensor &sums, const Tensor &rows, const char *op, F &&f) {
    dispatch_accumulate(sums.scalar_type(), op, [&](auto wide) {
        dispatch_floating(rows.scalar_type(), op, [&](auto zero) {
            if constexpr (sizeof(zero) <= sizeof(wide))
                f(wide, zero);
            else
                STD_TORCH_CHECK(false, op, ": expected rows no wider than their sums");
        });
    });
}

inline bool dense_in_order(const Tensor &t, const std::vector<int64_t> &order) {
    int64_t expected = 1;
    for (auto dim = order.rbegin(); dim != order.rend(); ++dim) {
        if (t.size(*dim) != 1 && t.stride(*dim) != expected)
            return false;
        expected *= t.size(*dim);
    }
    return true;
}

// channels_last for a 4-d tensor laid out so (and not also contiguous), else contiguous. The Python twin is
// memory_format in pyxai/ops/_rows.py.
inline MemoryFormat memory_format(const Tensor &t) {
    const bool channels_last = t.dim() == 4 && !t.is_contiguous() && dense_in_order(t, {0, 2, 3, 1});
    return channels_last ? MemoryFormat::ChannelsLast : MemoryFormat::Contiguous;
}

// Uninitialised (rows, ...) tensor whose rows look like those of `like`, in the same memory format.
inline Tensor new_rows(const Tensor &like, int64_t rows) {
    std::vector<int64_t> sizes(like.sizes().begin(), like.sizes().end());
    sizes[0] = rows;
    return torch::stable::empty(sizes, like.scalar_type(), std::nullopt, like.device(), std::nullopt,
                                memory_format(like));
}

// Elements of one row of a tensor (rows, ...).
inline int64_t row_size(const Tensor &t) {
    int64_t size = 1;
    for (int64_t dim = 1; dim < t.dim(); ++dim)
        size *= t.size(dim);
    return size;
}

// The rows of a dense tensor that holds one for each image, or one that all share.
template <class T>
struct RowsOf {
    const T *data;
    int64_t step;

    explicit RowsOf(const Tensor &t) : data(t.const_data_ptr<T>()), step(t.size(0) == 1 ? 0 : row_size(t)) {}

    PYXAI_HD const T *row(int64_t r) const { return data + r * step; }
};

// How a row of a tensor in its memory format is laid out: element e of the logical order (channel, pixel)
// lies at offset(e). A contiguous row counts as one channel.
struct RowLayout {
    int64_t channels, pixels;

    PYXAI_HD int64_t offset(int64_t element) const { return element % pixels * channels + element / pixels; }
};

inline RowLayout row_layout(const Tensor &t) {
    if (memory_format(t) == MemoryFormat::ChannelsLast)
        return {t.size(1), t.size(2) * t.size(3)};
    return {1, row_size(t)};
}

// Ends an in-place operator on a tensor of any strides: `dense` is what contiguous() gave, `to` itself or a
// copy.
inline void copy_back(const Tensor &to, const Tensor &dense) {
    if (to.data_ptr() != dense.data_ptr()) {
        Tensor target = to;
        torch::stable::copy_(target, dense);
    }
}

} // namespace pyxai
