"""DeepLIFT through smooth steps that are not linear: activations, products, softmax, normalisation.

Every rule here is exact: what a step's multiplier accounts for is accounted for by those of its sources, but
for functions of one number where its change is so small that their derivative tells more than their quotient.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, fx

from pyxai import ops
from pyxai.propagation import vjp
from pyxai.propagation.deeplift.multipliers import (
    MultiplierRule,
    Multipliers,
    PairedTape,
    PartwiseRule,
)
from pyxai.propagation.norms import norm
from pyxai.propagation.steps import finite, to_sources
from pyxai.propagation.walk import Step

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
        quotients = slope(tape.baseline[step.node], tape[step.node], difference, *ends, far=far)
        return [multiplier * quotients]

    def magnitude(self, step, tape, of):
        return self.pull_back(step, of(step.sources[0]), tape)[0]


def slope(
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


class VectorNorm(MultiplierRule):
    """(Σ |x|^p)^(1/p): power, sum and root, of which power and root are rescaled."""

    def reads(self, step):
        return step.node, step.sources[0]

    def pull_back(self, step, multiplier, tape):
        (source,), p = step.sources, step.node.args[1]
        x, x0 = tape[source], tape.baseline[source]
        y, y0 = (unreduced(step, values[step.node], tape) for values in (tape, tape.baseline))
        largest = torch.maximum(y, y0)  # by which no power overflows
        x, x0, y, y0 = (part / torch.where(largest == 0, 1.0, largest) for part in (x, x0, y, y0))
        powers, powers0, total, total0 = (part.abs().pow(p) for part in (x, x0, y, y0))
        ends = (p * part.abs().pow(p - 1) * part.sign() for part in (x0, x))
        root = slope(y0, y, total - total0, *(part.pow(1 - p) / p for part in (y0, y)), total + total0)
        return [unreduced(step, multiplier, tape) * root * slope(powers0, powers, x - x0, *ends)]


def reduced(step: Step, tape: PairedTape) -> tuple[int, ...]:
    """The axes over which a maximum, ``logsumexp`` or ``linalg_vector_norm`` reduces its source, in order."""
    axes = len(tape.layouts[step.sources[0]][0])
    dims = step.node.args[2 if step.node.target is aten.linalg_vector_norm.default else 1]
    return tuple(sorted(dim % axes for dim in ([dims] if isinstance(dims, int) else dims)))


def unreduced(step: Step, values: Tensor, tape: PairedTape) -> Tensor:
    """``values`` of the step with axes of length 1 where it has reduced its source."""
    if values.ndim < len(tape.layouts[step.sources[0]][0]):
        for dim in reduced(step, tape):
            values = values.unsqueeze(dim)
    return values


class Product(MultiplierRule):
    """Δ(ab) = ½ (a + a0) Δb + ½ (b + b0) Δa: the derivative midway, for elementwise and matrix products."""

    def reads(self, step):
        return step.sources

    def pull_back(self, step, multiplier, tape):
        def midway(node: fx.Node) -> Tensor:
            end, start = tape[node], tape.baseline[node]
            end = end.to(multiplier.dtype) if end.dtype == torch.bool else end
            return (end + start).div_(2)

        return vjp.derivative(step, multiplier, tape, at=midway)


class Quotient(MultiplierRule):
    """Δ(a / b) = 2 Δa / (b + b0) - (a b0 + a0 b) / (b + b0) Δb / (b b0), for b and b0 of one sign.

    That is the product of a and 1 / b, with the end of the larger b weighing more, as in a
    :class:`Normalisation`.
    """

    def reads(self, step):
        return step.node.all_input_nodes

    def pull_back(self, step, multiplier, tape):
        numerator, denominator = step.node.args
        b, b0 = tape[denominator], tape.baseline[denominator]
        total, between = b.abs() + b0.abs(), numerator
        if isinstance(numerator, fx.Node):
            between = (b0.abs() * tape[numerator] + b.abs() * tape.baseline[numerator]) / total
        parts = multiplier * ((b.sign() + b0.sign()) / total), -multiplier * between / (b * b0)
        return to_sources(step, zip(step.node.args, parts, strict=True), tape)


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
        difference = x - x0
        x, x0, l, l0 = _with_logarithms(x, x0, dim)  # noqa: E741
        if not self._logarithm:
            size = x.abs() + x0.abs() + l.abs() + l0.abs()
            multiplier = multiplier * slope(y0, y, difference - (l - l0), y0, y, size)
        share = _shares(x, x0, l, l0, difference, dim)
        return [multiplier - share * multiplier.sum(dim, keepdim=True)]


class LogSumExp(MultiplierRule):
    """l = log Σ exp x, as in :class:`Softmax`."""

    def reads(self, step):
        return step.sources

    def pull_back(self, step, multiplier, tape):
        (source,), dims = step.sources, reduced(step, tape)
        x, x0 = tape[source], tape.baseline[source]
        shares = _shares(*_with_logarithms(x, x0, dims), x - x0, dims)
        return [unreduced(step, multiplier, tape) * shares]


def _with_logarithms(x: Tensor, x0: Tensor, dim) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Scores less what they have in common, which costs digits, and log Σ exp of these over ``dim``."""
    shift = finite(x0.amax(dim, keepdim=True))
    x, x0 = x - shift, x0 - shift
    return x, x0, x.logsumexp(dim, keepdim=True), x0.logsumexp(dim, keepdim=True)


def _shares(x: Tensor, x0: Tensor, l: Tensor, l0: Tensor, difference: Tensor, dim) -> Tensor:  # noqa: E741
    """Multipliers of the scores for l = log Σ exp x: l - l0 = Σ shares · ``difference`` of the scores."""
    largest = finite(torch.maximum(x.amax(dim, keepdim=True), x0.amax(dim, keepdim=True)))
    power, power0 = (x - largest).exp(), (x0 - largest).exp()
    total, total0 = power.sum(dim, keepdim=True), power0.sum(dim, keepdim=True)
    share = slope(power0, power, difference, power0, power)
    share = share * slope(l0, l, total - total0, 1 / total0, 1 / total, total + total0)
    return share.masked_fill(torch.maximum(total, total0) == 0, 0)  # every score is masked


class Normalisation(MultiplierRule):
    """Layer, group, instance and RMS normalisation: centre, square, average, root and product, each exact.

    The product of the centred value c and s = 1 / deviation is Δ(cs) = h Δc + (s c + s0 c0) / (s + s0) Δs
    with h = 2 s s0 / (s + s0), the end of the smaller s weighing more. Midway between both ends the two terms
    would grow like s + s0 and cancel: by hundreds a layer for a baseline without contrast, where s0 = 1 / √ε.
    """

    def reads(self, step):
        return step.node.all_input_nodes

    def pull_back(self, step, multiplier, tape):
        (source,) = step.sources
        over = norm(step.node, tape)
        multiplier = over.shaped(over.weighted(multiplier))
        (c, s), (c0, s0) = (over.parts(values[source]) for values in (tape, tape.baseline))
        product, between = s * s0 / (s + s0), (s * c + s0 * c0) / (s + s0)
        to_deviation = (multiplier * between).sum(over.dims, keepdim=True)
        to_variance = -to_deviation * product * s * s0
        size = math.prod(c.shape[dim] for dim in over.dims)
        part = 2 * product * multiplier + to_variance * (c + c0) / size
        return [over.centred(part).reshape(tape.layouts[source][0])]
