"""Images whose masked places are filled up from a pyramid of backgrounds, the level chosen by the mask."""

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from pyxai.ops import _rows
from pyxai.ops._define import define, registry
from pyxai.ops._wavelets import plane_shape

__all__ = ["pyramid_fill"]

SCHEMA = "pyramid_fill(Tensor images, Tensor mask, Tensor pyramid, bool interpolate) -> Tensor"


def place_of(mask: Tensor, levels: int, interpolate: bool) -> tuple[Tensor, Tensor]:
    """The level of each place of a mask, int64, and how far it is on the way to the next one."""
    place = mask * (levels - 1 if interpolate else levels)
    last = max(levels - 2, 0) if interpolate else levels - 1
    level = place.nan_to_num().clamp(0, last).to(torch.int64)
    part = place - level if interpolate and levels > 1 else torch.zeros_like(place)
    return level, part


def level_of(pyramid: Tensor, level: Tensor) -> Tensor:
    """(N, C, H, W) out of (N, levels, C, H, W), each place from its level, (N, H, W)."""
    index = level[:, None, None].expand(-1, 1, *pyramid.shape[2:])
    return pyramid.gather(1, index)[:, 0]


def _reference(images: Tensor, mask: Tensor, pyramid: Tensor, interpolate: bool) -> Tensor:
    out = _fake(images, mask, pyramid, interpolate)
    if out.numel() == 0:
        return out
    sums = _rows.accumulate_dtype(images.dtype)
    levels, keep = pyramid.shape[1], mask.to(sums)
    level, part = place_of(keep, levels, interpolate)
    background = level_of(pyramid, level).to(sums)
    if interpolate and levels > 1:
        background = background + part[:, None] * (level_of(pyramid, level + 1).to(sums) - background)
    keep = keep[:, None]
    return out.copy_(keep * images.to(sums) + (1 - keep) * background)


def _fake(images: Tensor, mask: Tensor, pyramid: Tensor, interpolate: bool) -> Tensor:
    return _rows.new_rows(images, images.shape[0])


def _setup_context(ctx, inputs, output) -> None:
    *tensors, ctx.interpolate = inputs
    ctx.save_for_backward(*tensors)


@once_differentiable
def _backward(ctx, grad: Tensor) -> tuple[Tensor | None, ...]:
    by_images, by_mask = registry["pyramid_fill_adjoint"].call(grad, *ctx.saved_tensors, ctx.interpolate)
    return by_images, by_mask, None, None


def fill_samples(device, dtype, rows, shape):
    channels, rows_of_all, width = plane_shape(shape)

    def rand(*sizes):
        return torch.rand(rows, *sizes, device=device, dtype=dtype)

    for levels, interpolate in ((4, False), (3, True), (1, True)):
        height = max(1, rows_of_all // levels)  # it is the pyramid that holds as much as an element
        images, mask = rand(channels, height, width), rand(height, width)
        if interpolate and mask.numel():
            mask[:, 0, 0] = 1
        yield images, mask, rand(levels, channels, height, width), interpolate


_op = define(
    SCHEMA,
    reference=_reference,
    fake=_fake,
    setup_context=_setup_context,
    backward=_backward,
    differentiable=("images", "mask"),
    samples=fill_samples,
)


def check_fill(op: str, images: Tensor, mask: Tensor, pyramid: Tensor) -> None:
    """The tensors of a fill fit together."""
    _rows.check_dimensions(op, "images", images, 4, "(N, C, H, W)")
    rows, channels, height, width = images.shape
    for name, x, shape in (("mask", mask, (rows, height, width)), ("pyramid", pyramid, None)):
        _rows.check_floating(op, name, x)
        _rows.check_device(op, name, x, images)
        if x.dtype != images.dtype:
            raise TypeError(f"{op}: `{name}` must be {images.dtype} like `images`, got {x.dtype}")
        if shape is not None and x.shape != shape:
            raise ValueError(f"{op}: `{name}` must have shape {shape}, got {tuple(x.shape)}")
    fits = pyramid.dim() == 5 and pyramid.shape[0] == rows and pyramid.shape[2:] == images.shape[1:]
    if not fits or pyramid.shape[1] == 0:
        expected = f"({rows}, levels, {channels}, {height}, {width})"
        raise ValueError(f"{op}: `pyramid` must have shape {expected}, got {tuple(pyramid.shape)}")


def pyramid_fill(images: Tensor, mask: Tensor, pyramid: Tensor, interpolate: bool) -> Tensor:
    """``M x + (1 - M) B``, the background B of each place from the level of a pyramid that M chooses.

    Shi et al. 2023, "Understanding contributing neurons via attribution visualization", eq. 14. The range of
    the mask is divided into as many intervals as there are levels; 0 has the first and 1 the last level.

    Args:
        images: (N, C, H, W) floating, x. Their memory format is the result's.
        mask: (N, H, W), M in [0, 1], shared by the channels.
        pyramid: (N, levels, C, H, W), of which nothing but the chosen levels is read.
        interpolate: between the two nearest levels, at M (levels - 1), instead of the level of an interval.

    All have one dtype; the result (N, C, H, W) has it too, computed in float32 (float64 for float64).
    Differentiable once in ``images`` and ``mask``. Where levels are not interpolated the step from one to the
    next has no gradient.
    """
    check_fill("pyramid_fill", images, mask, pyramid)
    return _op(images, mask, pyramid, bool(interpolate))
