"""Noisy copies of images, without a tensor of noise."""

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from pyxai.ops import _rows
from pyxai.ops._define import define
from pyxai.ops._noise import check_draws, signed_seed
from pyxai.ops.normal_noise import normal_noise
from pyxai.ops.path_accumulate import sum_rows

__all__ = ["add_noise"]

SCHEMA = "add_noise(Tensor images, Tensor index, Tensor ids, Tensor draws, Tensor scale, int seed) -> Tensor"


def _reference(images: Tensor, index: Tensor, ids: Tensor, draws: Tensor, scale: Tensor, seed: int) -> Tensor:
    sums = _rows.accumulate_dtype(images.dtype)
    noise = normal_noise(ids[index], draws, seed, images.shape[1:]).to(sums)
    noisy = images.to(sums)[index] + _rows.per_row(scale[index], images) * noise
    return _rows.new_rows(images, index.shape[0]).copy_(noisy)


def _fake(images: Tensor, index: Tensor, ids: Tensor, draws: Tensor, scale: Tensor, seed: int) -> Tensor:
    return _rows.new_rows(images, index.shape[0])


def _setup_context(ctx, inputs, output) -> None:
    images, index = inputs[:2]
    ctx.save_for_backward(index)
    ctx.shape = images.shape


@once_differentiable
def _backward(ctx, grad: Tensor) -> tuple[Tensor | None, ...]:
    (index,) = ctx.saved_tensors
    ones = torch.ones(index.shape, dtype=_rows.accumulate_dtype(grad.dtype), device=grad.device)
    return sum_rows(grad, index, ones, ctx.shape), None, None, None, None, None


def _samples(device, dtype, rows, shape):
    images, sums = 3, _rows.accumulate_dtype(dtype)
    yield (
        torch.randn(images, *shape, device=device, dtype=dtype),
        torch.arange(rows, device=device) % images,
        torch.arange(images, device=device) * 0x123456789AB,
        torch.arange(rows, device=device),
        torch.linspace(0.1, 2, images, device=device, dtype=sums),
        0x0123456789ABCDEF,
    )


_op = define(
    SCHEMA,
    reference=_reference,
    fake=_fake,
    setup_context=_setup_context,
    backward=_backward,
    differentiable=("images",),
    samples=_samples,
)


def add_noise(images: Tensor, index: Tensor, ids: Tensor, draws: Tensor, scale: Tensor, seed: int) -> Tensor:
    """Noisy copies ``images[i] + scale[i] * normal_noise(ids[i], draws[r], seed)`` with i = index[r].

    Args:
        images: (N, ...) floating. Its memory format is the result's; the noise does not depend on it.
        index: (R,) int64, the image each row is a copy of.
        ids: (N,) int64, the images' identities, which key their noise.
        draws: (R,) int64 in [0, 2^32), which draw of its image a row is.
        scale: (N,) floating, the standard deviation per image, in the units of ``images``.
        seed: any 64-bit integer.

    Returns (R, ...) in the dtype of ``images``, computed in float32 (float64 for float64). Differentiable
    once in ``images``. Raises ``ValueError`` or ``TypeError`` for arguments that do not fit together.
    """
    op = "add_noise"
    _rows.check_floating(op, "images", images)
    _rows.check_index(op, index, images.shape[0], images)
    _rows.check_integers(op, "ids", ids, images.shape[0], images)
    check_draws(op, draws, index.shape[0], images)
    _rows.check_reals(op, "scale", scale, images.shape[0], images)
    scale = scale.to(_rows.accumulate_dtype(images.dtype))
    return _op(images, index, ids, draws, scale, signed_seed(op, seed))
