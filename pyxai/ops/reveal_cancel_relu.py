"""DeepLIFT's RevealCancel rule through a ReLU: both multipliers in one pass."""

import torch
from torch import Tensor

from pyxai.ops import _rows
from pyxai.ops._define import define

__all__ = ["reveal_cancel_relu"]

SCHEMA = (
    "reveal_cancel_relu(Tensor mean, Tensor? spread, Tensor input, Tensor baseline, Tensor magnitude)"
    " -> (Tensor mean, Tensor spread)"
)


def _reference(
    mean: Tensor, spread: Tensor | None, input: Tensor, baseline: Tensor, magnitude: Tensor
) -> tuple[Tensor, Tensor]:
    sums = _rows.accumulate_dtype(mean.dtype)
    m, x, x0, size = mean.to(sums), input.to(sums), baseline.to(sums), magnitude.to(sums)
    s = torch.zeros_like(m) if spread is None else spread.to(sums)
    positive, negative = 0.5 * ((x - x0) + size), 0.5 * ((x - x0) - size)
    above = (m + s) * _mean_slope(x0, x0 + negative, positive)
    below = (m - s) * _mean_slope(x0, x0 + positive, negative)

    def row(values: Tensor) -> Tensor:
        return _rows.new_rows(input, mean.shape[0]).copy_(values)

    return row(0.5 * (above + below)), row(0.5 * (above - below))


def _mean_slope(first: Tensor, second: Tensor, step: Tensor) -> Tensor:
    """Mean slope of the ReLU over ``step`` from two points; divides only where the step is over the kink."""
    whole = rise = torch.zeros_like(step)
    for start in (first, second):
        end = start + step
        crosses = (start > 0) != (end > 0)
        rise = rise + torch.where(crosses, end.relu() - start.relu(), 0.0)
        whole = whole + torch.where(crosses, 0.0, (start > 0).to(step.dtype))
    return 0.5 * (whole + rise / torch.where(step == 0, 1.0, step))


def _fake(
    mean: Tensor, spread: Tensor | None, input: Tensor, baseline: Tensor, magnitude: Tensor
) -> tuple[Tensor, Tensor]:
    return _rows.new_rows(input, mean.shape[0]), _rows.new_rows(input, mean.shape[0])


def _samples(device, dtype, rows, shape):
    def draw(count):
        return torch.randn(count, *shape, device=device, dtype=dtype)

    input, baseline = draw(rows), draw(1)
    yield draw(rows), None, draw(1), baseline, draw(1).abs() + 4
    # where input = baseline and where one sign alone contributes, a part is zero
    magnitude = (input - baseline).abs() + draw(rows).relu()
    yield draw(rows), draw(rows), torch.where(draw(rows) > 1, baseline, input), baseline, magnitude


_op = define(SCHEMA, reference=_reference, fake=_fake, samples=_samples)


def reveal_cancel_relu(
    mean: Tensor, spread: Tensor | None, input: Tensor, baseline: Tensor, magnitude: Tensor
) -> tuple[Tensor, Tensor]:
    """Multipliers of a ReLU's input for its positive and its negative contributions.

    Shrikumar et al. 2017, "Learning important features through propagating activation differences", §3.5.3:
    with g the ReLU and Δ± the sums of the positive and of the negative contributions to x - x0, m± becomes
    m± · Δy± / Δ±, where Δy⁺ = ½ (g(x0 + Δ⁺) - g(x0)) + ½ (g(x) - g(x0 + Δ⁻)), and Δy⁻ likewise. There is no
    pseudocount: a part that is zero contributes zero, and its multiplier is the limit for a small one.

    The pair is written m± = mean ± spread, and Δ± = ½ (x - x0 ± magnitude): a layer below then needs no
    convolution for the spread where it is zero, and none for Δ± but that of the magnitude.

    Args:
        mean: (N, ...) floating, half the sum of the multipliers of the ReLU's output.
        spread: (N, ...) or (1, ...), half their difference; None where they are equal.
        input: (N, ...) or (1, ...), what the ReLU was given for the images, x. Its memory format is the
            results'.
        baseline: (N, ...) or (1, ...), what it was given for the baseline, x0.
        magnitude: (N, ...) or (1, ...), Δ⁺ - Δ⁻.

    Returns mean and spread of the ReLU's input, (N, ...) in the common dtype, computed in float32 (float64
    for float64). Not differentiable. Raises ``ValueError`` or ``TypeError`` for arguments that do not fit
    together.
    """
    op = "reveal_cancel_relu"
    _rows.check_floating(op, "mean", mean)
    if spread is not None:
        _rows.check_operand(op, "spread", spread, "mean", mean)
    _rows.check_operand(op, "input", input, "mean", mean)
    _rows.check_operand(op, "baseline", baseline, "mean", mean)
    _rows.check_operand(op, "magnitude", magnitude, "mean", mean)
    return _op(mean, spread, input, baseline, magnitude)
