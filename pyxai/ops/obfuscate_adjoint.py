"""The way back through obfuscated images, to the gradient of their masks.

It makes the noise again and adds up rows and channels.
"""

import torch
from torch import Tensor

from pyxai.ops import _rows
from pyxai.ops._define import define
from pyxai.ops._noise import signed_seed
from pyxai.ops._obfuscation import check_real, check_tensors, replacements, scaled, settings
from pyxai.ops._wavelets import check_levels, wavelet_layout
from pyxai.ops.dwt import analyse

__all__ = ["obfuscate_adjoint_"]

SCHEMA = (
    "obfuscate_adjoint_(Tensor(a!) total, Tensor grad, Tensor images, Tensor coefficients, Tensor centre, "
    "Tensor spread, Tensor index, Tensor ids, Tensor draws, Tensor filters, Tensor black, Tensor white, "
    "int levels, str noise, int seed) -> ()"
)


def _reference(
    total, grad, images, coefficients, centre, spread, index, ids, draws, filters, black, white, levels,
    noise, seed,
):  # fmt: skip
    layout = wavelet_layout(*images.shape[2:], levels, filters.shape[1])
    ends = scaled(filters.new_tensor([0.0, 1.0])[:, None, None, None], black, white).to(images.dtype)
    outside = (images == ends[0]) | (images == ends[1])
    pulled = grad.to(filters.dtype).masked_fill(outside, 0) * (white - black)[:, None, None]
    pulled = analyse(pulled, filters.flip(1), levels, "zero")
    others = replacements(coefficients, centre, spread, index, ids, draws, layout, noise, seed)
    pulled = pulled * (coefficients.to(filters.dtype)[index] - others)
    for r, image in enumerate(index.tolist()):
        for channel in pulled[r]:
            total[image] += channel


def _fake(*_arguments) -> None:
    return None


def _samples(device, dtype, rows, shape):
    if len(shape) == 1:
        shape = (max(1, shape[0] // 4),)  # two such tensors are held, and copies of them
    for coefficients, mask, tensors, (levels, height, width, noise, seed) in settings(
        device, dtype, rows, shape
    ):
        images = torch.rand(rows, coefficients.shape[1], height, width, device=device, dtype=dtype)
        if images.numel():
            images[:, 0, 0] = -1  # an end of the first channel
        grad = torch.randn_like(images)
        yield torch.randn_like(mask), grad, images, coefficients, *tensors, levels, noise, seed


_op = define(SCHEMA, reference=_reference, fake=_fake, samples=_samples)


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
        grad: (R, C, H, W), the gradient of what :func:`pyxai.ops.obfuscate` gave.
        images: (R, C, H, W), what it gave, in the dtype of ``coefficients`` as is ``grad``. The other
            arguments are those it was given.
    """
    op = "obfuscate_adjoint_"
    check_levels(op, levels)
    _rows.check_floating(op, "images", images)
    _rows.check_floating(op, "coefficients", coefficients)
    if images.dim() != 4 or 0 in images.shape[2:]:
        raise ValueError(
            f"{op}: `images` must have shape (R, C, H, W) with pixels, got {tuple(images.shape)}"
        )
    tensors = check_tensors(
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
    check_real(op, "total", total, (coefficients.shape[0], coefficients.shape[2]), coefficients)
    sums = _rows.accumulate_dtype(coefficients.dtype)
    if total.dtype != sums:
        raise TypeError(f"{op}: `total` must be {sums}, got {total.dtype}")
    _rows.check_detached(
        op, total=total, grad=grad, images=images, coefficients=coefficients, centre=centre, spread=spread,
        filters=filters, black=black, white=white,
    )  # fmt: skip
    _op(total, grad, images, coefficients, *tensors, levels, noise, signed_seed(op, seed))


def _same_dtype(op: str, name: str, x: Tensor, like: Tensor) -> None:
    if x.dtype != like.dtype:
        raise TypeError(f"{op}: `{name}` must be {like.dtype} like `coefficients`, got {x.dtype}")
    _rows.check_device(op, name, x, like)
