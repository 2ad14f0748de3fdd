"""Separable two-dimensional wavelet transform of several levels, and back.

The coefficients of a plane are one row: the low plane of the last level, then from the last level to the
first the three planes of details, high along the columns (PyWavelets' cH), along the rows (cV), along both
(cD). :func:`wavelet_layout` says where each lies.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from pyxai.ops import _rows
from pyxai.ops._define import define

__all__ = ["PADDINGS", "WaveletLayout", "dwt", "idwt", "wavelet_layout"]

DWT = "dwt(Tensor images, Tensor filters, int levels, str padding) -> Tensor"
IDWT = "idwt(Tensor coefficients, Tensor filters, int levels, int height, int width) -> Tensor"

PADDINGS = ("zero", "symmetric", "periodic", "reflect")
"""How a signal goes on beyond its border, in PyWavelets' names."""

MOST_LEVELS = 30


@dataclass(frozen=True)
class WaveletLayout:
    """Where the coefficients of a plane lie in its row.

    Attributes:
        planes: (rows, columns) of the plane itself and of each level's planes, level 1 next.
        parts: size of the low plane, then of each level's details, the last level's first.
    """

    planes: tuple[tuple[int, int], ...]
    parts: tuple[int, ...]

    @property
    def size(self) -> int:
        """Coefficients of a plane."""
        return sum(self.parts)

    def split(self, coefficients: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Views of (N, C, K) in the layout of pytorch-wavelets: ``yl`` (N, C, h, w) and for each level, the
        first one first, ``yh`` (N, C, 3, h, w).
        """
        low, *details = coefficients.split(self.parts, -1)
        details = [
            part.unflatten(-1, (3, *plane)) for part, plane in zip(details, self.planes[:0:-1], strict=True)
        ]
        return low.unflatten(-1, self.planes[-1]), details[::-1]

    def join(self, yl: Tensor, yh: list[Tensor]) -> Tensor:
        """The inverse of :meth:`split`."""
        return torch.cat([yl.flatten(2), *(details.flatten(2) for details in yh[::-1])], -1)


def wavelet_layout(height: int, width: int, levels: int, taps: int) -> WaveletLayout:
    """The layout for planes (height, width), ``levels`` levels and filters of ``taps`` taps."""
    planes = [(height, width)]
    for _ in range(levels):
        planes.append(tuple((length + taps - 1) // 2 for length in planes[-1]))
    sizes = [rows * columns for rows, columns in planes]
    return WaveletLayout(tuple(planes), (sizes[-1], *(3 * size for size in sizes[:0:-1])))


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


def _synthesise(low: Tensor, high: Tensor, filters: Tensor, length: int) -> Tensor:
    """Both filters along the last axis: x[t] = sum_i filter[t - 2i + F - 2] c[i], added up."""
    size, count = filters.shape[1], low.shape[-1]
    x = low.new_zeros(*low.shape[:-1], 2 * count + size - 2)
    for k in reversed(range(size)):
        x[..., k : k + 2 * count - 1 : 2] += filters[0, k] * low + filters[1, k] * high
    return x[..., size - 2 : size - 2 + length]


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


def synthesise(coefficients: Tensor, filters: Tensor, levels: int, height: int, width: int) -> Tensor:
    """The way back in torch: (..., K) to (..., H, W)."""
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


def _dwt(images: Tensor, filters: Tensor, levels: int, padding: str) -> Tensor:
    return _fake_dwt(images, filters, levels, padding).copy_(
        analyse(images.to(filters.dtype), filters, levels, padding)
    )


def _idwt(coefficients: Tensor, filters: Tensor, levels: int, height: int, width: int) -> Tensor:
    planes = synthesise(coefficients.to(filters.dtype), filters, levels, height, width)
    return _fake_idwt(coefficients, filters, levels, height, width).copy_(planes)


def _fake_dwt(images: Tensor, filters: Tensor, levels: int, padding: str) -> Tensor:
    layout = wavelet_layout(*images.shape[2:], levels, filters.shape[1])
    return images.new_empty(*images.shape[:2], layout.size)


def _fake_idwt(coefficients: Tensor, filters: Tensor, levels: int, height: int, width: int) -> Tensor:
    return coefficients.new_empty(*coefficients.shape[:2], height, width)


def _setup_dwt(ctx, inputs, output) -> None:
    images, filters, ctx.levels, ctx.padding = inputs
    ctx.save_for_backward(filters)
    ctx.size = images.shape[2:]


def _backward_dwt(ctx, grad: Tensor) -> tuple[Tensor | None, ...]:
    (filters,) = ctx.saved_tensors
    return dwt_adjoint(grad, filters, ctx.levels, ctx.padding, *ctx.size), None, None, None


def _setup_idwt(ctx, inputs, output) -> None:
    _, filters, ctx.levels, _, _ = inputs
    ctx.save_for_backward(filters)


def _backward_idwt(ctx, grad: Tensor) -> tuple[Tensor | None, ...]:
    (filters,) = ctx.saved_tensors
    return _dwt_op(grad, filters.flip(1), ctx.levels, "zero"), None, None, None, None


def dwt_adjoint(grad: Tensor, filters: Tensor, levels: int, padding: str, height: int, width: int) -> Tensor:
    """The transpose of :func:`dwt`: (N, C, K) to (N, C, H, W).

    Without values beyond the border it is the synthesis with reversed filters. Else each level is that of a
    plane continued by as many values as the filters reach, and those are folded back.
    """
    reverse = filters.flip(1)
    if padding == "zero":
        return _idwt_op(grad, reverse, levels, height, width)
    taps = filters.shape[1]
    layout, first = wavelet_layout(height, width, levels, taps), taps // 2 - 1
    low, *details = grad.split(layout.parts, -1)
    for j, part in zip(range(levels, 0, -1), details, strict=True):
        rows, columns = layout.planes[j]
        planes = [low.unflatten(-1, (1, rows, columns)), part.unflatten(-1, (3, rows, columns))]
        size = [length + 2 * taps - 3 for length in layout.planes[j - 1]]
        below, beside = wavelet_layout(*size, 1, taps).planes[1]
        around = (first, beside - columns - first, first, below - rows - first)
        wide = _idwt_op(F.pad(torch.cat(planes, -3), around).flatten(-3), reverse, 1, *size)
        for length in layout.planes[j - 1]:
            place, _ = _continued(length, taps - 2, taps - 1, padding, grad.device)
            wide = (F.one_hot(place, length).T.to(wide.dtype) @ wide).mT
        low = wide.flatten(-2)
    return low.unflatten(-1, (height, width))


def _plane_shape(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Channels, rows and columns that hold about as much as an element of any shape."""
    if len(shape) == 1:
        rows = next(n for n in range(int(max(shape[0], 1) ** 0.5), 0, -1) if shape[0] % n == 0)
        return 1, rows, max(1, shape[0] // rows)
    *channels, rows, columns = (1, *shape)
    count = torch.Size(channels).numel()
    return (count, rows, columns) if rows and columns else (0, max(1, rows), max(1, columns))


def _filters(taps: int, device, dtype) -> Tensor:
    """Filters of samples. No value is negative, so that nothing cancels and errors stay relative."""
    return torch.rand(2, taps, device=device, dtype=_rows.accumulate_dtype(dtype)) / taps**0.5


def _dwt_samples(device, dtype, rows, shape):
    images = torch.rand(rows, *_plane_shape(shape), device=device, dtype=dtype)
    for taps, levels, padding in (
        (6, 2, "zero"),
        (2, 1, "periodic"),
        (8, 1, "symmetric"),
        (12, 2, "reflect"),
    ):
        yield images, _filters(taps, device, dtype), levels, padding


def _idwt_samples(device, dtype, rows, shape):
    channels, height, width = _plane_shape(shape)
    for taps, levels in ((2, 3), (6, 2), (12, 1)):
        layout = wavelet_layout(height, width, levels, taps)
        coefficients = torch.rand(rows, channels, layout.size, device=device, dtype=dtype)
        yield coefficients, _filters(taps, device, dtype), levels, height, width


_dwt_op = define(
    DWT,
    reference=_dwt,
    fake=_fake_dwt,
    setup_context=_setup_dwt,
    backward=_backward_dwt,
    differentiable=("images",),
    samples=_dwt_samples,
)
_idwt_op = define(
    IDWT,
    reference=_idwt,
    fake=_fake_idwt,
    setup_context=_setup_idwt,
    backward=_backward_idwt,
    differentiable=("coefficients",),
    samples=_idwt_samples,
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
    _check(op, "images", images, 4, "(N, C, H, W)")
    filters = _check_filters(op, filters, images)
    _check_levels(op, levels)
    if padding not in PADDINGS:
        raise ValueError(f"{op}: `padding` must be one of {', '.join(PADDINGS)}, got {padding!r}")
    if 0 in images.shape[2:]:
        raise ValueError(f"{op}: `images` must have at least one pixel, got {tuple(images.shape)}")
    return _dwt_op(images, filters, levels, padding)


def idwt(coefficients: Tensor, filters: Tensor, levels: int, height: int, width: int) -> Tensor:
    """Images from their wavelet coefficients; the padding of the way there does not matter.

    Args:
        coefficients: (N, C, K) floating, in the layout of :func:`wavelet_layout`.
        filters: (2, F) floating: the low and the high synthesis filter (PyWavelets' ``rec_lo``, ``rec_hi``).
        levels, height, width: of the transform and of the images.

    Returns (N, C, height, width), computed in float32 (float64 for float64). Differentiable in
    ``coefficients``.
    """
    op = "idwt"
    _check(op, "coefficients", coefficients, 3, "(N, C, K)")
    filters = _check_filters(op, filters, coefficients)
    _check_levels(op, levels)
    for name, value in (("height", height), ("width", width)):
        if value < 1:
            raise ValueError(f"{op}: `{name}` must be positive, got {value}")
    check_size(op, coefficients, wavelet_layout(height, width, levels, filters.shape[1]))
    return _idwt_op(coefficients, filters, levels, height, width)


def check_size(op: str, coefficients: Tensor, layout: WaveletLayout) -> None:
    """``coefficients`` (N, C, K) hold as many values a channel as ``layout`` says."""
    if coefficients.shape[2] != layout.size:
        expected = f"(N, C, {layout.size})"
        raise ValueError(f"{op}: `coefficients` must have shape {expected}, got {tuple(coefficients.shape)}")


def _check(op: str, name: str, x: Tensor, dimensions: int, shape: str) -> None:
    _rows.check_floating(op, name, x)
    _rows.check_data(op, name, x)
    if x.dim() != dimensions:
        raise ValueError(f"{op}: `{name}` must have shape {shape}, got {tuple(x.shape)}")


def _check_levels(op: str, levels: int) -> None:
    if isinstance(levels, bool) or not isinstance(levels, int) or not 0 <= levels <= MOST_LEVELS:
        raise ValueError(f"{op}: `levels` must be a whole number from 0 to {MOST_LEVELS}, got {levels!r}")


def _check_filters(op: str, filters: Tensor, like: Tensor) -> Tensor:
    """``filters`` are two of the same even length; in the dtype sums of ``like`` are formed in."""
    _rows.check_floating(op, "filters", filters)
    _rows.check_device(op, "filters", filters, like)
    if filters.dim() != 2 or filters.shape[0] != 2 or filters.shape[1] == 0 or filters.shape[1] % 2:
        raise ValueError(f"{op}: `filters` must have shape (2, F), F even, got {tuple(filters.shape)}")
    return filters.to(_rows.accumulate_dtype(like.dtype))
