"""DeepLIFT's Rescale rule through a ReLU, without the differences it is made of."""

import torch
from torch import Tensor

from pyxai.ops import _rows
from pyxai.ops._define import define

__all__ = ["rescale_relu", "rescale_relu_"]

SCHEMA = "rescale_relu(Tensor multiplier, Tensor input, Tensor baseline) -> Tensor"
IN_PLACE = "rescale_relu_(Tensor(a!) input, Tensor multiplier, Tensor baseline) -> ()"


def _reference(multiplier: Tensor, input: Tensor, baseline: Tensor) -> Tensor:
    sums = _rows.accumulate_dtype(multiplier.dtype)
    x, x0 = input.to(sums), baseline.to(sums)
    difference = x - x0
    same = difference == 0
    slope = torch.where(same, (x0 > 0).to(sums), (x.relu() - x0.relu()) / torch.where(same, 1.0, difference))
    return _rows.new_rows(input, multiplier.shape[0]).copy_(multiplier.to(sums) * slope)


def _fake(multiplier: Tensor, input: Tensor, baseline: Tensor) -> Tensor:
    return _rows.new_rows(input, multiplier.shape[0])


def _reference_(input: Tensor, multiplier: Tensor, baseline: Tensor) -> None:
    input.copy_(_reference(multiplier, input, baseline))


def _fake_(input: Tensor, multiplier: Tensor, baseline: Tensor) -> None:
    return None


def _samples(device, dtype, rows, shape):
    def draw(count):
        return torch.randn(count, *shape, device=device, dtype=dtype)

    baseline = draw(1)
    yield draw(rows), draw(1), baseline
    yield draw(rows), torch.where(draw(rows) > 0.5, baseline, draw(rows)), baseline
    yield draw(rows), draw(rows), draw(rows)


def _samples_(device, dtype, rows, shape):
    for multiplier, input, baseline in _samples(device, dtype, rows, shape):
        if len(input) == rows:
            yield input, multiplier, baseline


_op = define(SCHEMA, reference=_reference, fake=_fake, samples=_samples)
_op_ = define(IN_PLACE, reference=_reference_, fake=_fake_, samples=_samples_)


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
    _check("rescale_relu", multiplier, input, baseline)
    return _op(multiplier, input, baseline)


def rescale_relu_(input: Tensor, multiplier: Tensor, baseline: Tensor) -> None:
    """:func:`rescale_relu` written over ``input``, which must have all N rows.

    Not differentiable. Raises as that does, and ``ValueError`` for one input that all rows share.
    """
    op = "rescale_relu_"
    _check(op, multiplier, input, baseline)
    if len(input) != len(multiplier):
        raise ValueError(f"{op}: `input` must hold {len(multiplier)} rows, got {len(input)}")
    _rows.check_detached(op, input=input, multiplier=multiplier, baseline=baseline)
    _op_(input, multiplier, baseline)


def _check(op: str, multiplier: Tensor, input: Tensor, baseline: Tensor) -> None:
    _rows.check_floating(op, "multiplier", multiplier)
    _rows.check_operand(op, "input", input, "multiplier", multiplier)
    _rows.check_operand(op, "baseline", baseline, "multiplier", multiplier)
