"""DeepLIFT's Linear rule: the multiplier of an input is that of the output times the weight between them."""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor, fx

from pyxai.propagation import vjp
from pyxai.propagation.deeplift.multipliers import (
    MultiplierRule,
    Multipliers,
    PairedTape,
    PartwiseRule,
    applied,
)
from pyxai.propagation.layers import Layer
from pyxai.propagation.steps import addend_weights, cast_back, selected, to_sources
from pyxai.propagation.walk import Step

aten = torch.ops.aten


class Mixing(MultiplierRule):
    """A convolution or dense layer: the sign of a weight turns positive differences into negative ones.

    With Δ the difference of its input, whole, not in parts, and W± the parts of its weights (Shrikumar et al.
    2017, §3.5.1), Δ⁺ = W⁺ max(Δ, 0) + W⁻ min(Δ, 0) and Δ⁻ likewise. Hence Δ⁺ - Δ⁻ = |W| |Δ|, and the
    multiplier of the input is Wᵀ mean + sign(Δ) |W|ᵀ spread: one layer more for each, and none where there is
    no spread.
    """

    def __init__(self, layer: Layer):
        self.layer = layer

    @cached_property
    def _sizes(self) -> Tensor:
        return self.layer.weight.abs()

    def pull_back(self, step, multiplier, tape):
        return [self.layer.transpose(multiplier, self.layer.weight, tape)]

    def plan(self, step, form):
        return [(self.layer.source, False)], (self.layer.source,) if form else ()

    def backward(self, step, message, tape):
        (part,) = self.pull_back(step, message.mean, tape)
        if message.spread is not None:
            spread = self.layer.transpose(message.spread, self._sizes, tape)
            part = part + spread * tape.difference(self.layer.source).sign()
        return [Multipliers(part)]

    def magnitude_reads(self, step):
        return (self.layer.source,), ()

    def magnitude(self, step, tape, of):
        return self.layer.forward(tape.difference(self.layer.source).abs(), self._sizes)


class Channelwise(PartwiseRule):
    """A BatchNorm of its own, an average, an interpolation: a layer whose sums have weights of one sign."""

    def __init__(self, layer: Layer):
        self.layer = layer

    @cached_property
    def _sizes(self) -> Tensor:
        return self.layer.weight.abs()

    def pull_back(self, step, multiplier, tape, sizes=False):
        return [self.layer.transpose(multiplier, self._sizes if sizes else self.layer.weight, tape)]

    def magnitude(self, step, tape, of):
        return self.layer.forward(of(self.layer.source), self._sizes)


class Interpolation(MultiplierRule):
    """A layer with fixed weights of both signs."""

    def pull_back(self, step, multiplier, tape):
        return vjp.transpose(step, multiplier, tape)


class Rearrangement(PartwiseRule):
    """Multipliers move with their values; those of constants are dropped."""

    def pull_back(self, step, multiplier, tape, sizes=False):
        return vjp.transpose(step, multiplier, tape)

    def magnitude(self, step, tape, of):
        return applied(step, tape, of)


class Cast(PartwiseRule):
    """A change of precision, a mask made numbers, or ``detach``, behind which a difference is the same."""

    def pull_back(self, step, multiplier, tape, sizes=False):
        return [cast_back(step, multiplier)]

    def magnitude(self, step, tape, of):
        return of(step.sources[0]).to(step.node.meta["val"].dtype)


class Joined(PartwiseRule):
    """``cat``: every part takes its slice; those of constants are dropped."""

    def pull_back(self, step, multiplier, tape, sizes=False):
        joined, dim = (*step.node.args, 0)[:2]
        lengths = [
            (tape.layouts[node][0] if node in step.sources else tape[node].shape)[dim] for node in joined
        ]
        return to_sources(step, zip(joined, multiplier.split(lengths, dim), strict=True), tape)

    def magnitude(self, step, tape, of):
        joined, dim = (*step.node.args, 0)[:2]
        return torch.cat(
            [of(node) if node in step.sources else torch.zeros_like(tape[node]) for node in joined], dim
        )


class Sum(PartwiseRule):
    """``add``, ``sub``, ``rsub``: every addend gets the multiplier, with its sign."""

    def pull_back(self, step, multiplier, tape, sizes=False):
        weights = ((addend, abs(weight) if sizes else weight) for addend, weight in _addends(step))
        parts = ((addend, multiplier if weight == 1 else multiplier * weight) for addend, weight in weights)
        return to_sources(step, parts, tape)

    def magnitude(self, step, tape, of):
        (first, weight), *others = _addends(step)
        total = of(first) if abs(weight) == 1 else abs(weight) * of(first)
        for other, weight in others:
            total = torch.add(total, of(other), alpha=abs(weight))
        return total.expand(tape.layouts[step.node][0])


def _addends(step: Step) -> list[tuple[fx.Node, float]]:
    """The addends that depend on the images, and what each is multiplied by."""
    return [(addend, weight) for addend, weight in addend_weights(step.node) if addend in step.sources]


class Scale(PartwiseRule):
    """A product with a constant, a quotient by one, a change of sign."""

    def pull_back(self, step, multiplier, tape, sizes=False):
        weight = self._weight(step, tape)
        part = multiplier * (weight.abs() if sizes else weight)
        return [part.sum_to_size(tape.layouts[step.sources[0]][0])]

    def magnitude(self, step, tape, of):
        return of(step.sources[0]) * self._weight(step, tape).abs()

    @staticmethod
    def _weight(step: Step, tape: PairedTape) -> Tensor:
        value = step.node.meta["val"]
        one = torch.ones((), dtype=value.dtype, device=value.device)
        return applied(step, tape, lambda node: one)


class Selection(PartwiseRule):
    """``where`` with a condition that does not depend on the image: Δ is that of what it chooses."""

    def pull_back(self, step, multiplier, tape, sizes=False):
        return to_sources(step, selected(step, multiplier, tape), tape)

    def magnitude(self, step, tape, of):
        sizes = (of(branch) if branch in step.sources else 0.0 for branch in step.node.args[1:])
        return torch.where(tape[step.node.args[0]], *sizes)
