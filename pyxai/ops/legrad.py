"""How much each key would be attended to more, without a matrix of all queries and keys."""

import torch
from torch import Tensor

from pyxai.ops import _rows
from pyxai.ops._define import define

__all__ = ["legrad"]

SCHEMA = "legrad(Tensor gradient, Tensor values) -> Tensor"
_TILE = 64  # queries whose sums are formed together, as in csrc/kernels/legrad.h


def _reference(gradient: Tensor, values: Tensor) -> Tensor:
    wide = _rows.accumulate_dtype(values.dtype)
    total = values.new_zeros(values.shape[0], values.shape[2], dtype=wide)
    for head in range(values.shape[1]):
        keys = values[:, head].to(wide).transpose(1, 2)
        for queries in gradient[:, head].to(wide).split(_TILE, 1):
            total += torch.bmm(queries, keys).relu_().sum(1)
    return total.to(values.dtype)


def _fake(gradient: Tensor, values: Tensor) -> Tensor:
    return values.new_empty(values.shape[0], values.shape[2])


def _samples(device, dtype, rows, shape):
    size = 1
    for length in shape:
        size *= length
    many = min(size, 75)
    for heads, queries, keys, width in ((2, 3, 3, -(-size // 6)), (1, many, min(size, 37), min(size, 5))):
        yield tuple(
            torch.randn(rows, heads, tokens, width, device=device, dtype=dtype) for tokens in (queries, keys)
        )


_op = define(SCHEMA, reference=_reference, fake=_fake, samples=_samples)


def legrad(gradient: Tensor, values: Tensor) -> Tensor:
    """The positive part of the gradient by the attention of all heads and queries to each key, summed.

    LeGrad (Bousselham et al. 2025). Where A is the attention after its softmax and O = A V, the gradient of
    anything by A is (∂/∂O) Vᵀ, so that for key j this is Σ_h Σ_i max(0, ∂/∂O_hi · V_hj). It is summed over 64
    queries at a time: no tensor of all queries and keys is made. Without the compiled module the products are
    torch's, and the result is the same to their roundings and not bit for bit.

    Args:
        gradient: (N, h, T, d) floating, by what the attention of each head gives T queries.
        values: (N, h, S, d), those of the keys.

    Returns (N, S) in the dtype of ``values``, computed in float32 (float64 for float64). Not differentiable.
    Raises ``ValueError`` or ``TypeError`` for arguments of another form.
    """
    _rows.check_dimensions("legrad", "gradient", gradient, 4, "(N, h, T, d)")
    _rows.check_dimensions("legrad", "values", values, 4, "(N, h, S, d)")
    if gradient.dtype != values.dtype:
        raise TypeError(f"legrad: `values` must be {gradient.dtype} like `gradient`, got {values.dtype}")
    _rows.check_device("legrad", "values", values, gradient)
    count, heads, _, width = gradient.shape
    if (*values.shape[:2], values.shape[3]) != (count, heads, width):
        raise ValueError(
            f"legrad: `values` must have shape ({count}, {heads}, S, {width}), got {tuple(values.shape)}"
        )
    return _op(gradient, values)
