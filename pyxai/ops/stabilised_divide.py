"""Relevance by its stabilised denominator: closes one layer of LRP and opens the next."""

import torch
from torch import Tensor

from pyxai.ops import _rows
from pyxai.ops._define import define

__all__ = ["stabilised_divide", "stabilised_divide_"]

SCHEMA = "stabilised_divide(Tensor numerator, Tensor denominator, Tensor? factor, float epsilon) -> Tensor"
IN_PLACE = "stabilised_divide_(Tensor(a!) denominator, Tensor numerator, Tensor? factor, float epsilon) -> ()"


def _reference(numerator: Tensor, denominator: Tensor, factor: Tensor | None, epsilon: float) -> Tensor:
    sums = _rows.accumulate_dtype(numerator.dtype)
    total = numerator.to(sums)
    if factor is not None:
        total = total * factor.to(sums)
    z = denominator.to(sums) + 0.0  # -0 counts as positive
    stable = z + torch.full_like(z, epsilon).copysign(z)
    zero = stable == 0
    quotient = torch.where(zero, 0.0, total / torch.where(zero, 1.0, stable))
    return _rows.new_rows(denominator, numerator.shape[0]).copy_(quotient)


def _fake(numerator: Tensor, denominator: Tensor, factor: Tensor | None, epsilon: float) -> Tensor:
    return _rows.new_rows(denominator, numerator.shape[0])


def _reference_(denominator: Tensor, numerator: Tensor, factor: Tensor | None, epsilon: float) -> None:
    denominator.copy_(_reference(numerator, denominator, factor, epsilon))


def _fake_(denominator: Tensor, numerator: Tensor, factor: Tensor | None, epsilon: float) -> None:
    return None


def _samples(device, dtype, rows, shape):
    def draw(count):
        return torch.randn(count, *shape, device=device, dtype=dtype)

    def nonzero(count):
        values = draw(count)
        return values + values.sign() * 0.1

    yield draw(rows), nonzero(1), draw(1), 0.25
    yield draw(rows), nonzero(rows), None, 0.25
    yield draw(rows), nonzero(rows), draw(rows), 1e-6
    yield draw(rows), nonzero(rows) * (draw(rows) > 0), draw(rows), 0.0


def _samples_(device, dtype, rows, shape):
    for numerator, denominator, factor, epsilon in _samples(device, dtype, rows, shape):
        if len(denominator) == rows:
            yield denominator, numerator, factor, epsilon


_op = define(SCHEMA, reference=_reference, fake=_fake, samples=_samples)
_op_ = define(IN_PLACE, reference=_reference_, fake=_fake_, samples=_samples_)


def stabilised_divide(
    numerator: Tensor, denominator: Tensor, factor: Tensor | None = None, epsilon: float = 0.0
) -> Tensor:
    """``numerator · factor / (denominator + epsilon · sign(denominator))`` in one pass.

    The sign of zero, also of -0, is +1. Where the stabilised denominator is zero the result is zero. Of LRP's
    ε-rule (survey eq. 12) this is the quotient R_k / (z_k + ε sign z_k); with ``factor`` a_k it first turns
    the multipliers of the layer above into its relevance R_k = a_k · m_k.

    Args:
        numerator: (N, ...) floating.
        denominator: (N, ...) or (1, ...) for one row shared by all; same dtype and device. Its memory format
            is the result's.
        factor: like ``denominator``; None stands for ones.
        epsilon: not negative, in the units of ``denominator``.

    Returns (N, ...) in the dtype of ``numerator``, computed in float32 (float64 for float64). Not
    differentiable. Raises ``ValueError`` or ``TypeError`` for arguments that do not fit together.
    """
    _check("stabilised_divide", numerator, denominator, factor, epsilon)
    return _op(numerator, denominator, factor, epsilon)


def stabilised_divide_(
    denominator: Tensor, numerator: Tensor, factor: Tensor | None = None, epsilon: float = 0.0
) -> None:
    """:func:`stabilised_divide` with the quotients written where the denominators were, of all N rows.

    ``factor`` may be ``denominator`` itself. Not differentiable. Raises as that does, and ``ValueError`` for
    one denominator that all rows share.
    """
    op = "stabilised_divide_"
    _check(op, numerator, denominator, factor, epsilon)
    if len(denominator) != len(numerator):
        raise ValueError(f"{op}: `denominator` must hold {len(numerator)} rows, got {len(denominator)}")
    _rows.check_detached(op, denominator=denominator, numerator=numerator, factor=factor)
    _op_(denominator, numerator, factor, epsilon)


def _check(op: str, numerator: Tensor, denominator: Tensor, factor: Tensor | None, epsilon: float) -> None:
    _rows.check_floating(op, "numerator", numerator)
    _rows.check_operand(op, "denominator", denominator, "numerator", numerator)
    if factor is not None:
        _rows.check_operand(op, "factor", factor, "numerator", numerator)
    if not epsilon >= 0:
        raise ValueError(f"{op}: `epsilon` must not be negative, got {epsilon}")
