"""Obfuscated images: wavelet coefficients masked and filled up with noise, synthesised and clamped, and back.

Neither direction keeps the noise or the mixed coefficients: the way back makes the noise again and adds up
rows and channels into the mask's gradient.
"""

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from pyxai.ops import _rows
from pyxai.ops._define import define
from pyxai.ops._noise import check_draws, signed_seed
from pyxai.ops.dwt import (
    _check_filters,
    _check_levels,
    _filters,
    _plane_shape,
    analyse,
    check_size,
    synthesise,
    wavelet_layout,
)
from pyxai.ops.normal_noise import normal_noise
from pyxai.ops.uniform_noise import uniform_noise

__all__ = ["NOISES", "obfuscate", "obfuscate_adjoint_"]

OBFUSCATE = (
    "obfuscate(Tensor coefficients, Tensor mask, Tensor centre, Tensor spread, Tensor index, Tensor ids, "
    "Tensor draws, Tensor filters, Tensor black, Tensor white, int levels, int height, int width, str noise, "
    "int seed) -> Tensor"
)
ADJOINT = (
    "obfuscate_adjoint_(Tensor(a!) total, Tensor grad, Tensor images, Tensor coefficients, Tensor centre, "
    "Tensor spread, Tensor index, Tensor ids, Tensor draws, Tensor filters, Tensor black, Tensor white, "
    "int levels, str noise, int seed) -> ()"
)

NOISES = ("normal", "uniform")
"""Standard normal, or uniform over (-1, 1)."""


def _replacements(coefficients, centre, spread, index, ids, draws, layout, noise, seed) -> Tensor:
    """What stands in where the mask is 0, (R, C, K) in the dtype of ``centre``."""
    shape = coefficients.shape[1:]
    if noise == "normal":
        values = normal_noise(ids[index], draws, seed, shape)
    else:
        values = 2 * uniform_noise(ids[index], draws, seed, shape) - 1
    sizes = torch.tensor(layout.parts, device=centre.device)
    middle, width = (x[index].repeat_interleave(sizes, 1)[:, None] for x in (centre, spread))
    return middle + width * values.to(centre.dtype)


def _scaled(unit: Tensor, black: Tensor, white: Tensor) -> Tensor:
    return black[:, None, None] + unit * (white - black)[:, None, None]


def _obfuscate(
    coefficients, mask, centre, spread, index, ids, draws, filters, black, white, levels, height, width,
    noise, seed,
):  # fmt: skip
    layout = wavelet_layout(height, width, levels, filters.shape[1])
    others = _replacements(coefficients, centre, spread, index, ids, draws, layout, noise, seed)
    keep = mask[index][:, None]
    mixed = keep * coefficients.to(mask.dtype)[index] + (1 - keep) * others
    planes = synthesise(mixed, filters, levels, height, width)
    return _new_images(coefficients, index, height, width).copy_(_scaled(planes.clamp(0, 1), black, white))


def _new_images(coefficients: Tensor, index: Tensor, height: int, width: int) -> Tensor:
    """Uninitialised images in the memory format models are fastest in."""
    shape = (index.shape[0], coefficients.shape[1], height, width)
    return torch.empty(
        shape, dtype=coefficients.dtype, device=coefficients.device, memory_format=torch.channels_last
    )


def _adjoint(
    total, grad, images, coefficients, centre, spread, index, ids, draws, filters, black, white, levels,
    noise, seed,
):  # fmt: skip
    layout = wavelet_layout(*images.shape[2:], levels, filters.shape[1])
    ends = _scaled(filters.new_tensor([0.0, 1.0])[:, None, None, None], black, white).to(images.dtype)
    outside = (images == ends[0]) | (images == ends[1])
    pulled = grad.to(filters.dtype).masked_fill(outside, 0) * (white - black)[:, None, None]
    pulled = analyse(pulled, filters.flip(1), levels, "zero")
    others = _replacements(coefficients, centre, spread, index, ids, draws, layout, noise, seed)
    pulled = pulled * (coefficients.to(filters.dtype)[index] - others)
    for r, image in enumerate(index.tolist()):
        for channel in pulled[r]:
            total[image] += channel


def _fake(
    coefficients, mask, centre, spread, index, ids, draws, filters, black, white, levels, height, width,
    noise, seed,
):  # fmt: skip
    return _new_images(coefficients, index, height, width)


def _fake_adjoint(*_arguments) -> None:
    return None


def _setup_context(ctx, inputs, output) -> None:
    coefficients, mask, *tensors = inputs[:10]
    ctx.levels, _, _, ctx.noise, ctx.seed = inputs[10:]
    ctx.shape = mask.shape
    ctx.save_for_backward(output, coefficients, *tensors)


@once_differentiable
def _backward(ctx, grad: Tensor) -> tuple[Tensor | None, ...]:
    images, coefficients, *tensors = ctx.saved_tensors
    total = tensors[0].new_zeros(ctx.shape)
    _adjoint_op(total, grad, images, coefficients, *tensors, ctx.levels, ctx.noise, ctx.seed)
    return None, total, *[None] * 13


def _settings(device, dtype, rows, shape):
    """Of three images: coefficients and mask, the tensors behind them, and the plain numbers."""
    images, sums = 3, _rows.accumulate_dtype(dtype)
    channels, height, width = _plane_shape(shape)
    for taps, levels, noise in ((6, 2, "normal"), (2, 0, "uniform")):
        layout = wavelet_layout(height, width, levels, taps)
        real = {"device": device, "dtype": sums}
        ends = torch.zeros(channels, **real), torch.linspace(1, 3, channels, **real)
        tensors = (
            torch.rand(images, levels + 1, **real),
            torch.linspace(0, 0.3, images * (levels + 1), **real).reshape(images, levels + 1),
            torch.arange(rows, device=device) % images,
            torch.arange(images, device=device) * 0x123456789AB,
            torch.arange(rows, device=device),
            _filters(taps, device, dtype),
            ends[0] - 1,
            ends[1],
        )
        coefficients = torch.rand(images, channels, layout.size, device=device, dtype=dtype)
        mask = torch.rand(images, layout.size, **real)
        yield coefficients, mask, tensors, (levels, height, width, noise, 0x0123456789ABCDEF)


def _samples(device, dtype, rows, shape):
    for coefficients, mask, tensors, numbers in _settings(device, dtype, rows, shape):
        yield coefficients, mask, *tensors, *numbers


def _adjoint_samples(device, dtype, rows, shape):
    if len(shape) == 1:
        shape = (max(1, shape[0] // 4),)  # two such tensors are held, and copies of them
    for coefficients, mask, tensors, (levels, height, width, noise, seed) in _settings(
        device, dtype, rows, shape
    ):
        images = torch.rand(rows, coefficients.shape[1], height, width, device=device, dtype=dtype)
        if images.numel():
            images[:, 0, 0] = -1  # an end of the first channel
        grad = torch.randn_like(images)
        yield torch.randn_like(mask), grad, images, coefficients, *tensors, levels, noise, seed


_op = define(
    OBFUSCATE,
    reference=_obfuscate,
    fake=_fake,
    setup_context=_setup_context,
    backward=_backward,
    differentiable=("mask",),
    samples=_samples,
)
_adjoint_op = define(ADJOINT, reference=_adjoint, fake=_fake_adjoint, samples=_adjoint_samples)


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
    _check_levels(op, levels)
    for name, value in (("height", height), ("width", width)):
        if value < 1:
            raise ValueError(f"{op}: `{name}` must be positive, got {value}")
    tensors = _check(
        op, coefficients, centre, spread, index, ids, draws, filters, black, white, levels, (height, width),
        noise,
    )  # fmt: skip
    mask = _real(op, "mask", mask, (coefficients.shape[0], coefficients.shape[2]), coefficients)
    numbers = (levels, height, width, noise, signed_seed(op, seed))
    return _op(coefficients, mask, *tensors, *numbers)


def obfuscate_adjoint_(
    total: Tensor,
    grad: Tensor,
    images: Tensor,
    coefficients: Tensor,
    centre: Tensor,
    spread: Tensor,
    index: Tensor,
    ids: Tensor,
    draws: Tensor,
    filters: Tensor,
    black: Tensor,
    white: Tensor,
    levels: int,
    noise: str,
    seed: int,
) -> None:
    """Add the mask's gradient to ``total``, in place.

    Rows and channels are added strictly in their order, so the sum does not depend on how rows were packed
    into calls.

    Args:
        total: (N, K) float32 (float64 for float64), changed in place.
        grad: (R, C, H, W), the gradient of what :func:`obfuscate` gave.
        images: (R, C, H, W), what it gave, in the dtype of ``coefficients`` as is ``grad``. The other
            arguments are those it was given.
    """
    op = "obfuscate_adjoint_"
    _check_levels(op, levels)
    _rows.check_floating(op, "images", images)
    _rows.check_floating(op, "coefficients", coefficients)
    if images.dim() != 4 or 0 in images.shape[2:]:
        raise ValueError(
            f"{op}: `images` must have shape (R, C, H, W) with pixels, got {tuple(images.shape)}"
        )
    tensors = _check(
        op, coefficients, centre, spread, index, ids, draws, filters, black, white, levels, images.shape[2:],
        noise,
    )  # fmt: skip
    if images.shape[:2] != (index.shape[0], coefficients.shape[1]):
        expected = f"({index.shape[0]}, {coefficients.shape[1]}, H, W)"
        raise ValueError(f"{op}: `images` must have shape {expected}, got {tuple(images.shape)}")
    _same_dtype(op, "images", images, coefficients)
    _rows.check_like(op, "grad", grad, "images", images)
    if grad.shape != images.shape:
        raise ValueError(f"{op}: `grad` must have shape {tuple(images.shape)}, got {tuple(grad.shape)}")
    _rows.check_total(op, "total", total)
    _real(op, "total", total, (coefficients.shape[0], coefficients.shape[2]), coefficients)
    sums = _rows.accumulate_dtype(coefficients.dtype)
    if total.dtype != sums:
        raise TypeError(f"{op}: `total` must be {sums}, got {total.dtype}")
    _adjoint_op(total, grad, images, coefficients, *tensors, levels, noise, signed_seed(op, seed))


def _check(
    op, coefficients, centre, spread, index, ids, draws, filters, black, white, levels, size, noise
) -> tuple[Tensor, ...]:
    """The tensors both directions share, checked, real ones in the dtype of sums."""
    _rows.check_floating(op, "coefficients", coefficients)
    _rows.check_data(op, "coefficients", coefficients)
    if coefficients.dim() != 3:
        raise ValueError(f"{op}: `coefficients` must have shape (N, C, K), got {tuple(coefficients.shape)}")
    filters = _check_filters(op, filters, coefficients)
    check_size(op, coefficients, wavelet_layout(*size, levels, filters.shape[1]))
    images, channels = coefficients.shape[:2]
    _rows.check_index(op, index, images, coefficients)
    _rows.check_integers(op, "ids", ids, images, coefficients)
    check_draws(op, draws, index.shape[0], coefficients)
    if noise not in NOISES:
        raise ValueError(f"{op}: `noise` must be one of {', '.join(NOISES)}, got {noise!r}")
    parts = (images, levels + 1)
    return (
        _real(op, "centre", centre, parts, coefficients),
        _real(op, "spread", spread, parts, coefficients),
        index,
        ids,
        draws,
        filters,
        _real(op, "black", black, (channels,), coefficients),
        _real(op, "white", white, (channels,), coefficients),
    )


def _real(op: str, name: str, x: Tensor, shape: tuple[int, ...], like: Tensor) -> Tensor:
    """``x`` is floating, of this shape, on the device of ``like``; returned in the dtype of its sums."""
    _rows.check_floating(op, name, x)
    if x.shape != shape:
        raise ValueError(f"{op}: `{name}` must have shape {shape}, got {tuple(x.shape)}")
    _rows.check_device(op, name, x, like)
    return x.to(_rows.accumulate_dtype(like.dtype))


def _same_dtype(op: str, name: str, x: Tensor, like: Tensor) -> None:
    if x.dtype != like.dtype:
        raise TypeError(f"{op}: `{name}` must be {like.dtype} like `coefficients`, got {x.dtype}")
    _rows.check_device(op, name, x, like)
