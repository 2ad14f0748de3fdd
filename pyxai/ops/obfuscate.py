"""Obfuscated images: wavelet coefficients masked and filled up with noise, synthesised and clamped.

Neither this direction nor the way back keeps the noise or the mixed coefficients.
"""

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from pyxai.ops._define import define, registry
from pyxai.ops._noise import signed_seed
from pyxai.ops._obfuscation import NOISES, check_real, check_tensors, replacements, scaled, settings
from pyxai.ops._wavelets import check_levels, wavelet_layout
from pyxai.ops.idwt import synthesise

__all__ = ["NOISES", "obfuscate"]

SCHEMA = (
    "obfuscate(Tensor coefficients, Tensor mask, Tensor centre, Tensor spread, Tensor index, Tensor ids, "
    "Tensor draws, Tensor filters, Tensor black, Tensor white, int levels, int height, int width, str noise, "
    "int seed) -> Tensor"
)


def _reference(
    coefficients, mask, centre, spread, index, ids, draws, filters, black, white, levels, height, width,
    noise, seed,
):  # fmt: skip
    layout = wavelet_layout(height, width, levels, filters.shape[1])
    others = replacements(coefficients, centre, spread, index, ids, draws, layout, noise, seed)
    keep = mask[index][:, None]
    mixed = keep * coefficients.to(mask.dtype)[index] + (1 - keep) * others
    planes = synthesise(mixed, filters, levels, height, width)
    return _new_images(coefficients, index, height, width).copy_(scaled(planes.clamp(0, 1), black, white))


def _fake(
    coefficients, mask, centre, spread, index, ids, draws, filters, black, white, levels, height, width,
    noise, seed,
):  # fmt: skip
    return _new_images(coefficients, index, height, width)


def _new_images(coefficients: Tensor, index: Tensor, height: int, width: int) -> Tensor:
    """Uninitialised images in the memory format models are fastest in."""
    shape = (index.shape[0], coefficients.shape[1], height, width)
    return torch.empty(
        shape, dtype=coefficients.dtype, device=coefficients.device, memory_format=torch.channels_last
    )


def _setup_context(ctx, inputs, output) -> None:
    coefficients, mask, *tensors = inputs[:10]
    ctx.levels, _, _, ctx.noise, ctx.seed = inputs[10:]
    ctx.shape = mask.shape
    ctx.save_for_backward(output, coefficients, *tensors)


@once_differentiable
def _backward(ctx, grad: Tensor) -> tuple[Tensor | None, ...]:
    images, coefficients, *tensors = ctx.saved_tensors
    total = tensors[0].new_zeros(ctx.shape)
    registry["obfuscate_adjoint_"].call(
        total, grad, images, coefficients, *tensors, ctx.levels, ctx.noise, ctx.seed
    )
    return None, total, *[None] * 13


def _samples(device, dtype, rows, shape):
    for coefficients, mask, tensors, numbers in settings(device, dtype, rows, shape):
        yield coefficients, mask, *tensors, *numbers


_op = define(
    SCHEMA,
    reference=_reference,
    fake=_fake,
    setup_context=_setup_context,
    backward=_backward,
    differentiable=("mask",),
    samples=_samples,
)


def obfuscate(
    coefficients: Tensor,
    mask: Tensor,
    centre: Tensor,
    spread: Tensor,
    index: Tensor,
    ids: Tensor,
    draws: Tensor,
    filters: Tensor,
    black: Tensor,
    white: Tensor,
    levels: int,
    height: int,
    width: int,
    noise: str,
    seed: int,
) -> Tensor:
    """Images ``clamp(f(m h + (1 - m) v), 0, 1)`` of masked wavelet coefficients, one for each draw of v.

    f is :func:`pyxai.ops.idwt`, h and m are those of image ``index[r]``, and v = ``centre`` + ``spread`` e of
    the coefficient's part (the low plane, or a level's details) with e = noise(ids[index[r]], draws[r], seed)
    for the elements (channel, coefficient): see :func:`pyxai.ops.normal_noise`. CartoonX, algorithm 1.

    Args:
        coefficients: (N, C, K) floating, h, in the layout of :func:`pyxai.ops.wavelet_layout`.
        mask: (N, K), m, shared by the channels.
        centre, spread: (N, levels + 1), for each part.
        index: (R,) int64, the image each row is made of.
        ids: (N,) int64, the images' identities, which key their noise.
        draws: (R,) int64 in [0, 2^32).
        filters: (2, F), the low and the high synthesis filter.
        black, white: (C,), what 0 and 1 stand for in the result's units.
        levels, height, width: of the transform and of the images; no levels make it a mask of pixels.
        noise: one of :data:`NOISES`.
        seed: any 64-bit integer.

    Returns (R, C, height, width) channels_last in the dtype of ``coefficients``, computed in float32 (float64
    for float64), as are all real arguments behind them. Differentiable once in ``mask``; where a value is
    black or white no gradient passes.
    """
    op = "obfuscate"
    check_levels(op, levels)
    for name, value in (("height", height), ("width", width)):
        if value < 1:
            raise ValueError(f"{op}: `{name}` must be positive, got {value}")
    tensors = check_tensors(
        op, coefficients, centre, spread, index, ids, draws, filters, black, white, levels, (height, width),
        noise,
    )  # fmt: skip
    mask = check_real(op, "mask", mask, (coefficients.shape[0], coefficients.shape[2]), coefficients)
    numbers = (levels, height, width, noise, signed_seed(op, seed))
    return _op(coefficients, mask, *tensors, *numbers)
