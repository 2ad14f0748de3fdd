"""The way back through images that were filled up from a pyramid, to the gradients of image and mask."""

import torch
from torch import Tensor

from pyxai.ops import _rows
from pyxai.ops._define import define
from pyxai.ops.pyramid_fill import check_fill, fill_samples, level_of, place_of

__all__ = ["pyramid_fill_adjoint"]

SCHEMA = (
    "pyramid_fill_adjoint(Tensor grad, Tensor images, Tensor mask, Tensor pyramid, bool interpolate)"
    " -> (Tensor images, Tensor mask)"
)


def _reference(
    grad: Tensor, images: Tensor, mask: Tensor, pyramid: Tensor, interpolate: bool
) -> tuple[Tensor, Tensor]:
    by_images, by_mask = _fake(grad, images, mask, pyramid, interpolate)
    if mask.numel() == 0:
        return by_images, by_mask
    if images.numel() == 0:
        return by_images, by_mask.zero_()
    sums = _rows.accumulate_dtype(images.dtype)
    levels, g, keep = pyramid.shape[1], grad.to(sums), mask.to(sums)
    level, part = place_of(keep, levels, interpolate)
    background, slope = level_of(pyramid, level).to(sums), None
    if interpolate and levels > 1:
        step = level_of(pyramid, level + 1).to(sums) - background
        background = background + part[:, None] * step
        slope = (1 - keep)[:, None] * ((levels - 1) * step)
    change = images.to(sums) - background
    change = g * (change if slope is None else change + slope)
    total = change[:, 0]
    for channel in range(1, change.shape[1]):
        total = total + change[:, channel]
    return by_images.copy_(keep[:, None] * g), by_mask.copy_(total)


def _fake(
    grad: Tensor, images: Tensor, mask: Tensor, pyramid: Tensor, interpolate: bool
) -> tuple[Tensor, Tensor]:
    by_mask = torch.empty(mask.shape, dtype=mask.dtype, device=mask.device)
    return _rows.new_rows(images, images.shape[0]), by_mask


def _samples(device, dtype, rows, shape):
    for images, mask, pyramid, interpolate in fill_samples(device, dtype, rows, shape):
        yield torch.randn_like(images), images, mask, pyramid, interpolate


_op = define(SCHEMA, reference=_reference, fake=_fake, samples=_samples)


def pyramid_fill_adjoint(
    grad: Tensor, images: Tensor, mask: Tensor, pyramid: Tensor, interpolate: bool
) -> tuple[Tensor, Tensor]:
    """Gradients by ``images`` and ``mask``, shaped as these, of what :func:`pyxai.ops.pyramid_fill` gave.

    That of the mask is Σ g (x - B) over the channels, and with ``interpolate`` also of the change of B.

    Args:
        grad: (N, C, H, W), g, like ``images``. The other arguments are those that were given.
    """
    op = "pyramid_fill_adjoint"
    check_fill(op, images, mask, pyramid)
    _rows.check_like(op, "grad", grad, "images", images)
    if grad.shape != images.shape:
        raise ValueError(f"{op}: `grad` must have shape {tuple(images.shape)}, got {tuple(grad.shape)}")
    return _op(grad, images, mask, pyramid, bool(interpolate))
