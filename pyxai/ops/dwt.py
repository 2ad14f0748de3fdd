"""Separable two-dimensional wavelet transform of several levels."""

import torch
import torch.nn.functional as F
from torch import Tensor

from pyxai.ops import _rows
from pyxai.ops._define import define, registry
from pyxai.ops._wavelets import (
    WaveletLayout,
    check_filters,
    check_levels,
    plane_shape,
    sample_filters,
    wavelet_layout,
)

__all__ = ["PADDINGS", "WaveletLayout", "dwt", "wavelet_layout"]

SCHEMA = "dwt(Tensor images, Tensor filters, int levels, str padding) -> Tensor"

PADDINGS = ("zero", "symmetric", "periodic", "reflect")
"""How a signal goes on beyond its border, in PyWavelets' names."""


def _continued(length: int, before: int, after: int, padding: str, device) -> tuple[Tensor, Tensor]:
    """Places -before … length + after - 1 folded into the signal, and whether they hold anything."""
    place = torch.arange(-before, length + after, device=device)
    if padding == "zero":
        return place.clamp(0, length - 1), (place >= 0) & (place < length)
    if padding == "periodic":
        return place % length, torch.ones_like(place, dtype=torch.bool)
    period = 2 * length if padding == "symmetric" else max(2 * length - 2, 1)
    place = place % period
    mirrored = period - place - int(padding == "symmetric")
    return torch.where(place < length, place, mirrored), torch.ones_like(place, dtype=torch.bool)


def _analyse(x: Tensor, taps: Tensor, padding: str) -> Tensor:
    """One filter along the last axis: c[i] = sum_j taps[j] x[2i + 1 - j]."""
    size, length = len(taps), x.shape[-1]
    count = (length + size - 1) // 2
    place, there = _continued(length, size - 2, 2 * count - length, padding, x.device)
    beyond = x[..., place] * there.to(x.dtype)
    lines = [beyond[..., size - 1 - j : size - 2 - j + 2 * count : 2] for j in range(size)]
    return sum(taps[j] * lines[j] + taps[j + 1] * lines[j + 1] for j in range(0, size, 2))


def analyse(planes: Tensor, filters: Tensor, levels: int, padding: str) -> Tensor:
    """The transform in torch, in the dtype of ``planes``: (..., H, W) to (..., K)."""
    parts = []
    for _ in range(levels):
        columns = [
            [_analyse(half.mT, taps, padding).mT for taps in filters]
            for half in (_analyse(planes, taps, padding) for taps in filters)
        ]
        (planes, high), (right, both) = columns
        parts.insert(0, torch.stack([high, right, both], -3).flatten(-3))
    return torch.cat([planes.flatten(-2), *parts], -1)


def _reference(images: Tensor, filters: Tensor, levels: int, padding: str) -> Tensor:
    coefficients = analyse(images.to(filters.dtype), filters, levels, padding)
    return _fake(images, filters, levels, padding).copy_(coefficients)


def _fake(images: Tensor, filters: Tensor, levels: int, padding: str) -> Tensor:
    layout = wavelet_layout(*images.shape[2:], levels, filters.shape[1])
    return images.new_empty(*images.shape[:2], layout.size)


def _setup_context(ctx, inputs, output) -> None:
    images, filters, ctx.levels, ctx.padding = inputs
    ctx.save_for_backward(filters)
    ctx.size = images.shape[2:]


def _backward(ctx, grad: Tensor) -> tuple[Tensor | None, ...]:
    (filters,) = ctx.saved_tensors
    return _adjoint(grad, filters, ctx.levels, ctx.padding, *ctx.size), None, None, None


def _adjoint(grad: Tensor, filters: Tensor, levels: int, padding: str, height: int, width: int) -> Tensor:
    """The transpose of the analysis: (N, C, K) to (N, C, H, W).

    Without values beyond the border it is the synthesis with reversed filters. Else each level is that of a
    plane continued by as many values as the filters reach, and those are folded back.
    """
    reverse, idwt = filters.flip(1), registry["idwt"].call
    if padding == "zero":
        return idwt(grad, reverse, levels, height, width)
    taps = filters.shape[1]
    layout, first = wavelet_layout(height, width, levels, taps), taps // 2 - 1
    low, *details = grad.split(layout.parts, -1)
    for j, part in zip(range(levels, 0, -1), details, strict=True):
        rows, columns = layout.planes[j]
        planes = [low.unflatten(-1, (1, rows, columns)), part.unflatten(-1, (3, rows, columns))]
        size = [length + 2 * taps - 3 for length in layout.planes[j - 1]]
        below, beside = wavelet_layout(*size, 1, taps).planes[1]
        around = (first, beside - columns - first, first, below - rows - first)
        wide = idwt(F.pad(torch.cat(planes, -3), around).flatten(-3), reverse, 1, *size)
        for length in layout.planes[j - 1]:
            place, _ = _continued(length, taps - 2, taps - 1, padding, grad.device)
            wide = (F.one_hot(place, length).T.to(wide.dtype) @ wide).mT
        low = wide.flatten(-2)
    return low.unflatten(-1, (height, width))


def _samples(device, dtype, rows, shape):
    images = torch.rand(rows, *plane_shape(shape), device=device, dtype=dtype)
    for taps, levels, padding in (
        (6, 2, "zero"),
        (2, 1, "periodic"),
        (8, 1, "symmetric"),
        (12, 2, "reflect"),
    ):
        yield images, sample_filters(taps, device, dtype), levels, padding


_op = define(
    SCHEMA,
    reference=_reference,
    fake=_fake,
    setup_context=_setup_context,
    backward=_backward,
    differentiable=("images",),
    samples=_samples,
)


def dwt(images: Tensor, filters: Tensor, levels: int, padding: str = "zero") -> Tensor:
    """Wavelet coefficients of every channel of images.

    Args:
        images: (N, C, H, W) floating.
        filters: (2, F) floating, F even: the low and the high analysis filter (PyWavelets' ``dec_lo`` and
            ``dec_hi``).
        levels: from 0, which leaves the pixels as they are. Planes may be smaller than the filters.
        padding: one of :data:`PADDINGS`.

    Returns (N, C, K) in the layout of :func:`wavelet_layout`, computed in float32 (float64 for float64).
    Differentiable in ``images``.
    """
    op = "dwt"
    _rows.check_dimensions(op, "images", images, 4, "(N, C, H, W)")
    filters = check_filters(op, filters, images)
    check_levels(op, levels)
    if padding not in PADDINGS:
        raise ValueError(f"{op}: `padding` must be one of {', '.join(PADDINGS)}, got {padding!r}")
    if 0 in images.shape[2:]:
        raise ValueError(f"{op}: `images` must have at least one pixel, got {tuple(images.shape)}")
    return _op(images, filters, levels, padding)
