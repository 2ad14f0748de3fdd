"""DeepLIFT through steps that are not linear: activations, max-pools, products, softmax, normalisation.

Every rule here is exact: what a step's multiplier accounts for is accounted for by those of its sources, but
for functions of one number where its change is so small that their derivative tells more than their quotient.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, fx

from pyxai import ops
from pyxai.attribution.propagation import vjp
from pyxai.attribution.propagation.multipliers import MultiplierRule, Multipliers, PartwiseRule
from pyxai.attribution.propagation.norms import norm

aten = torch.ops.aten

ROUNDINGS = 4  # units in the last place that a value of a function may be off by


class RescaleReLU(PartwiseRule):
    """Δy / Δx of a ReLU (Shrikumar et al. 2017, §3.5.2)."""

    def reads(self, step):
        return step.sources

    def backward(self, step, message, tape):
        (source,) = step.sources
        if message.spread is not None or source not in tape.spare:
            return super().backward(step, message, tape)
        ops.rescale_relu_(tape[source], message.mean, tape.baseline[source])
        return [Multipliers(tape[source])]

    def pull_back(self, step, multiplier, tape, sizes=False):
        (source,) = step.sources
        return [ops.rescale_relu(multiplier, tape[source], tape.baseline[source])]

    def magnitude(self, step, tape, of):
        return self.pull_back(step, of(step.sources[0]), tape)[0]


class Rescale(PartwiseRule):
    """Δy / Δx of any function of one number, its derivative where Δx is too small to tell."""

    def reads(self, step):
        return step.node, step.sources[0]

    def pull_back(self, step, multiplier, tape, sizes=False):
        (source,) = step.sources
        difference, start = tape.difference(source), tape.baseline[source]
        ends = [
            vjp.derivative(step, torch.ones_like(values[source]), values)[0]
            for values in (tape.baseline, tape)
        ]
        # far apart, equal derivatives say nothing: those of a sigmoid at -5 and 5
        far = difference.abs() > math.sqrt(torch.finfo(start.dtype).eps) * (1 + start.abs())
        slope = _slope(tape.baseline[step.node], tape[step.node], difference, *ends, far=far)
        return [multiplier * slope]

    def magnitude(self, step, tape, of):
        return self.pull_back(step, of(step.sources[0]), tape)[0]


def _slope(
    low: Tensor,
    high: Tensor,
    difference: Tensor,
    first: Tensor,
    last: Tensor,
    size: Tensor | float = 0.0,
    far: Tensor | bool = False,
) -> Tensor:
    """``(high - low) / difference``, or the mean derivative where rounding may spoil the quotient by more.

    Where a function bends one way, its slope between two points is between the derivatives there. Where these
    are infinite, as a root's at zero, the quotient stays, and without a change it is zero.

    Args:
        low, high: the function's values, each right to a few roundings.
        difference: of the points; NaN where both are infinite, at a masked score.
        first, last: the function's derivatives at the points.
        size: of the numbers whose rounding ``difference`` carries.
        far: where the function may bend both ways between the points, so that the derivatives say nothing.
    """
    quotient = (high - low) / torch.where(difference == 0, 1.0, difference)
    rounding = ROUNDINGS * torch.finfo(low.dtype).eps
    spoilt = rounding * (low.abs() + high.abs() + quotient.abs() * size)
    mean = (first + last) / 2
    worse = (last - first).abs() * difference.abs() > spoilt
    return torch.where(worse | far | ~mean.isfinite(), quotient, mean)


class CrossMaxPool(MultiplierRule):
    """A window's change goes to one value: the new maximum where it rose, the old one where it fell.

    With m = max(y, y0) this is Δy = (m - y0) + (y - m), of which one is zero; the first is due to the value
    that now is the largest, the second to the one that was. Windows that overlap add up.
    """

    def reads(self, step):
        return step.node, step.sources[0]

    def forward(self, step, arguments, settings, tape):
        value, tape.notes[step] = aten.max_pool2d_with_indices.default(*arguments, **settings)
        return value

    def pull_back(self, step, multiplier, tape):
        (source,) = step.sources
        change = tape.difference(step.node)
        winner = torch.where(change > 0, tape.notes[step], tape.baseline.notes[step])
        moved = _pick(tape[source], winner).sub_(_pick(tape.baseline[source], winner))
        share = change.div_(moved).masked_fill_(
            moved == 0, 1.0
        )  # where the winner stayed, so did the maximum
        return [vjp.unpooled(step, share.mul_(multiplier), tape, winner)]


def _pick(values: Tensor, index: Tensor) -> Tensor:
    """Values (n or 1, C, H, W) at the pixels ``index`` (n, C, h, w), numbered in rows."""
    pixels = values.permute(0, 2, 3, 1).expand(len(index), -1, -1, -1).flatten(1, 2)
    picked = pixels.gather(1, index.permute(0, 2, 3, 1).flatten(1, 2))
    return picked.unflatten(1, index.shape[2:]).permute(0, 3, 1, 2)


class Product(MultiplierRule):
    """Δ(ab) = ½ (a + a0) Δb + ½ (b + b0) Δa: the derivative midway, for elementwise and matrix products."""

    def reads(self, step):
        return step.sources

    def pull_back(self, step, multiplier, tape):
        return vjp.derivative(
            step, multiplier, tape, at=lambda node: (tape[node] + tape.baseline[node]).div_(2)
        )


class Quotient(MultiplierRule):
    """a / b as the product of a and 1 / b, with Δ(1 / b) = -Δb / (b b0)."""

    def reads(self, step):
        return step.node.all_input_nodes

    def pull_back(self, step, multiplier, tape):
        numerator, denominator = step.node.args
        b, b0 = tape[denominator], tape.baseline[denominator]
        parts = {node: torch.zeros((), dtype=b.dtype, device=b.device) for node in step.sources}
        middle = numerator
        if isinstance(numerator, fx.Node):
            middle = (tape[numerator] + tape.baseline[numerator]) / 2
        if numerator in parts:
            part = multiplier * (1 / b + 1 / b0) / 2
            parts[numerator] = parts[numerator] + part.sum_to_size(tape.layouts[numerator][0])
        part = -multiplier * middle / (b * b0)
        parts[denominator] = parts[denominator] + part.sum_to_size(tape.layouts[denominator][0])
        return [parts[source] for source in step.sources]


class Softmax(MultiplierRule):
    """y = exp(x - l) with l = log Σ exp x, and log-softmax y = x - l, in their elementary parts.

    Exponential and logarithm are rescaled; written so, neither part overflows however far x is from x0.
    """

    def __init__(self, logarithm: bool):
        self._logarithm = logarithm

    def reads(self, step):
        return step.node, step.sources[0]

    def pull_back(self, step, multiplier, tape):
        (source,), dim = step.sources, step.node.args[1]
        x, x0 = tape[source], tape.baseline[source]
        y, y0 = tape[step.node], tape.baseline[step.node]
        difference, shift = x - x0, _finite(x0.amax(dim, keepdim=True))
        x, x0 = x - shift, x0 - shift  # what all scores have in common costs digits
        l, l0 = x.logsumexp(dim, keepdim=True), x0.logsumexp(dim, keepdim=True)  # noqa: E741
        if not self._logarithm:
            size = x.abs() + x0.abs() + l.abs() + l0.abs()
            multiplier = multiplier * _slope(y0, y, difference - (l - l0), y0, y, size)
        largest = _finite(torch.maximum(x.amax(dim, keepdim=True), x0.amax(dim, keepdim=True)))
        power, power0 = (x - largest).exp(), (x0 - largest).exp()
        total, total0 = power.sum(dim, keepdim=True), power0.sum(dim, keepdim=True)
        share = _slope(power0, power, difference, power0, power)
        share = share * _slope(l0, l, total - total0, 1 / total0, 1 / total, total + total0)
        share = share.masked_fill(torch.maximum(total, total0) == 0, 0)  # every score is masked
        return [multiplier - share * multiplier.sum(dim, keepdim=True)]


def _finite(values: Tensor) -> Tensor:
    return values.masked_fill(values.isinf(), 0)


class Normalisation(MultiplierRule):
    """Layer, group and instance normalisation: centre, square, average, root and product, each exact."""

    def reads(self, step):
        return step.node.all_input_nodes

    def pull_back(self, step, multiplier, tape):
        (source,) = step.sources
        over = norm(step.node, tape)
        multiplier = over.shaped(over.weighted(multiplier))
        (c, s), (c0, s0) = (over.parts(values[source]) for values in (tape, tape.baseline))
        to_deviation = (multiplier * (c + c0)).sum(over.dims, keepdim=True) / 2
        to_variance = -to_deviation * (s * s0).square() / (s + s0)
        size = math.prod(c.shape[dim] for dim in over.dims)
        part = multiplier * (s + s0) / 2 + to_variance * (c + c0) / size
        part = part - part.mean(over.dims, keepdim=True)
        return [part.reshape(tape.layouts[source][0])]
