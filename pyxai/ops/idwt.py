"""The inverse of the wavelet transform ``dwt``."""

import torch
from torch import Tensor

from pyxai.ops import _rows
from pyxai.ops._define import define, registry
from pyxai.ops._wavelets import (
    check_filters,
    check_levels,
    check_size,
    plane_shape,
    sample_filters,
    wavelet_layout,
)

__all__ = ["idwt"]

SCHEMA = "idwt(Tensor coefficients, Tensor filters, int levels, int height, int width) -> Tensor"


def _synthesise(low: Tensor, high: Tensor, filters: Tensor, length: int) -> Tensor:
    """Both filters along the last axis: x[t] = sum_i filter[t - 2i + F - 2] c[i], added up."""
    size, count = filters.shape[1], low.shape[-1]
    x = low.new_zeros(*low.shape[:-1], 2 * count + size - 2)
    for k in reversed(range(size)):
        x[..., k : k + 2 * count - 1 : 2] += filters[0, k] * low + filters[1, k] * high
    return x[..., size - 2 : size - 2 + length]


def synthesise(coefficients: Tensor, filters: Tensor, levels: int, height: int, width: int) -> Tensor:
    """The inverse in torch, in the dtype of ``coefficients``: (..., K) to (..., H, W)."""
    layout = wavelet_layout(height, width, levels, filters.shape[1])
    low, *details = coefficients.split(layout.parts, -1)
    low = low.unflatten(-1, layout.planes[-1])
    for j, part in zip(range(levels, 0, -1), details, strict=True):
        rows, columns = layout.planes[j - 1]
        high, right, both = part.unflatten(-1, (3, *layout.planes[j])).unbind(-3)
        left = _synthesise(low.mT, high.mT, filters, rows).mT
        right = _synthesise(right.mT, both.mT, filters, rows).mT
        low = _synthesise(left, right, filters, columns)
    return low


def _reference(coefficients: Tensor, filters: Tensor, levels: int, height: int, width: int) -> Tensor:
    planes = synthesise(coefficients.to(filters.dtype), filters, levels, height, width)
    return _fake(coefficients, filters, levels, height, width).copy_(planes)


def _fake(coefficients: Tensor, filters: Tensor, levels: int, height: int, width: int) -> Tensor:
    return coefficients.new_empty(*coefficients.shape[:2], height, width)


def _setup_context(ctx, inputs, output) -> None:
    _, filters, ctx.levels, _, _ = inputs
    ctx.save_for_backward(filters)


def _backward(ctx, grad: Tensor) -> tuple[Tensor | None, ...]:
    """The transpose of a synthesis is the analysis with its filters reversed."""
    (filters,) = ctx.saved_tensors
    return registry["dwt"].call(grad, filters.flip(1), ctx.levels, "zero"), None, None, None, None


def _samples(device, dtype, rows, shape):
    channels, height, width = plane_shape(shape)
    for taps, levels in ((2, 3), (6, 2), (12, 1)):
        layout = wavelet_layout(height, width, levels, taps)
        coefficients = torch.rand(rows, channels, layout.size, device=device, dtype=dtype)
        yield coefficients, sample_filters(taps, device, dtype), levels, height, width


_op = define(
    SCHEMA,
    reference=_reference,
    fake=_fake,
    setup_context=_setup_context,
    backward=_backward,
    differentiable=("coefficients",),
    samples=_samples,
)


def idwt(coefficients: Tensor, filters: Tensor, levels: int, height: int, width: int) -> Tensor:
    """Images from their wavelet coefficients; the padding of the way there does not matter.

    Args:
        coefficients: (N, C, K) floating, in the layout of :func:`pyxai.ops.wavelet_layout`.
        filters: (2, F) floating: the low and the high synthesis filter (PyWavelets' ``rec_lo``, ``rec_hi``).
        levels, height, width: of the transform and of the images.

    Returns (N, C, height, width), computed in float32 (float64 for float64). Differentiable in
    ``coefficients``.
    """
    op = "idwt"
    _rows.check_dimensions(op, "coefficients", coefficients, 3, "(N, C, K)")
    filters = check_filters(op, filters, coefficients)
    check_levels(op, levels)
    for name, value in (("height", height), ("width", width)):
        if value < 1:
            raise ValueError(f"{op}: `{name}` must be positive, got {value}")
    check_size(op, coefficients, wavelet_layout(height, width, levels, filters.shape[1]))
    return _op(coefficients, filters, levels, height, width)
