"""DeepLIFT's Rescale rule through a ReLU, without the differences it is made of."""

import torch
from torch import Tensor

from pyxai.ops import _rows
from pyxai.ops._define import define

__all__ = ["rescale_relu"]

SCHEMA = "rescale_relu(Tensor multiplier, Tensor input, Tensor baseline) -> Tensor"


def _reference(multiplier: Tensor, input: Tensor, baseline: Tensor) -> Tensor:
    sums = _rows.accumulate_dtype(multiplier.dtype)
    x, x0 = input.to(sums), baseline.to(sums)
    difference = x - x0
    same = difference == 0
    slope = torch.where(same, (x0 > 0).to(sums), (x.relu() - x0.relu()) / torch.where(same, 1.0, difference))
    return _rows.new_rows(input, multiplier.shape[0]).copy_(multiplier.to(sums) * slope)


def _fake(multiplier: Tensor, input: Tensor, baseline: Tensor) -> Tensor:
    return _rows.new_rows(input, multiplier.shape[0])


def _samples(device, dtype, rows, shape):
    def draw(count):
        return torch.randn(count, *shape, device=device, dtype=dtype)

    baseline = draw(1)
    yield draw(rows), draw(1), baseline
    yield draw(rows), torch.where(draw(rows) > 0.5, baseline, draw(rows)), baseline
    yield draw(rows), draw(rows), draw(rows)


_op = define(SCHEMA, reference=_reference, fake=_fake, samples=_samples)


def rescale_relu(multiplier: Tensor, input: Tensor, baseline: Tensor) -> Tensor:
    """Multiplier of a ReLU's input: ``multiplier · (relu(x) - relu(x0)) / (x - x0)``.

    Shrikumar et al. 2017, "Learning important features through propagating activation differences", §3.5.2.
    For a ReLU the quotient is exact to a rounding and in [0, 1] however close x and x0 are, so only x = x0
    needs the gradient in its place, taken at x0 and 0 at the kink.

    Args:
        multiplier: (N, ...) floating, of the ReLU's output.
        input: (N, ...) or (1, ...), what the ReLU was given for the images, x. Its memory format is the
            result's.
        baseline: (N, ...) or (1, ...), what it was given for the baseline, x0.

    Returns (N, ...) in the common dtype, computed in float32 (float64 for float64). Not differentiable.
    Raises ``ValueError`` or ``TypeError`` for arguments that do not fit together.
    """
    op = "rescale_relu"
    _rows.check_floating(op, "multiplier", multiplier)
    _rows.check_operand(op, "input", input, "multiplier", multiplier)
    _rows.check_operand(op, "baseline", baseline, "multiplier", multiplier)
    return _op(multiplier, input, baseline)
