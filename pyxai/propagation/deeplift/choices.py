"""DeepLIFT where values are chosen among others: maxima, comparisons, ``where``.

Each rule is exact, also where the image and its baseline choose differently.
"""

from __future__ import annotations

import torch
from torch import Tensor, fx

from pyxai import ops
from pyxai.capture.vocabulary import MINIMA, SMALLER
from pyxai.propagation import pools
from pyxai.propagation.deeplift.multipliers import MultiplierRule
from pyxai.propagation.deeplift.rules import reduced, slope, unreduced
from pyxai.propagation.steps import finite, to_sources
from pyxai.propagation.walk import Step

aten = torch.ops.aten


class CrossMaxPool(MultiplierRule):
    """A window's change goes to one value: the new maximum where it rose, the old one where it fell.

    With m = max(y, y0) this is Δy = (m - y0) + (y - m), of which one is zero; the first is due to the value
    that now is the largest, the second to the one that was. Windows that overlap add up.
    """

    def reads(self, step):
        return step.node, step.sources[0]

    def forward(self, step, arguments, settings, tape):
        return pools.pooled(step, arguments, settings, tape)

    def pull_back(self, step, multiplier, tape):
        (source,) = step.sources
        change = tape.difference(step.node)
        winner = torch.where(change > 0, tape.notes[step], tape.baseline.notes[step])
        moved, moved0 = (pools.picked(step, values[source], winner) for values in (tape, tape.baseline))
        part = _share(change, moved.sub_(moved0)).mul_(multiplier)
        return [pools.unpooled(step, part, tape, winner)]


def _share(change: Tensor, moved: Tensor) -> Tensor:
    """``change`` of maxima by what their winners ``moved``; where a winner stayed, so did the maximum."""
    return change.div_(moved).masked_fill_(moved == 0, 1.0)


class CrossMaximum(MultiplierRule):
    """The same for the maximum over axes, one window, and for the minimum, -max(-x)."""

    def reads(self, step):
        return step.node, step.sources[0]

    def pull_back(self, step, multiplier, tape):
        (source,), shape = step.sources, tape.layouts[step.sources[0]][0]
        dims = reduced(step, tape)
        last = tuple(range(-len(dims), 0))

        def window(values: Tensor) -> Tensor:
            return values.movedim(dims, last).flatten(last[0])

        change, multiplier = (
            window(unreduced(step, part, tape)) for part in (tape.difference(step.node), multiplier)
        )
        x, x0 = window(tape[source]), window(tape.baseline[source])
        smallest = step.node.target in MINIMA
        place, place0 = ((part.argmin if smallest else part.argmax)(-1, keepdim=True) for part in (x, x0))
        winner = torch.where(change < 0 if smallest else change > 0, place, place0)
        moved = x.gather(-1, winner) - x0.expand_as(x).gather(-1, winner)
        part = torch.zeros_like(x).scatter_(-1, winner, _share(change, moved) * multiplier)
        return [part.unflatten(-1, [shape[dim] for dim in dims]).movedim(last, dims)]


class Larger(MultiplierRule):
    """``maximum`` and ``minimum`` of two values, b + ReLU(a - b) and a - ReLU(a - b), by Rescale.

    On the straight line from the baseline each value is the larger one for a part of the way: its multiplier.
    """

    def reads(self, step):
        return step.sources

    def pull_back(self, step, multiplier, tape):
        margin, margin0 = (_margin(step, values) for values in (tape, tape.baseline))
        ends = ((ahead.sign() + 1) / 2 for ahead in (margin0, margin))
        first = slope(margin0.clamp(min=0), margin.clamp(min=0), margin - margin0, *ends)
        if step.node.target in SMALLER:
            first = 1 - first
        return to_sources(
            step, zip(step.node.args, (multiplier * first, multiplier * (1 - first)), strict=True), tape
        )


class Jump(MultiplierRule):
    """A comparison a > b as 1 or 0, a sign, a rounding: Δy / Δ(a - b) or Δy / Δx, where it jumps."""

    def reads(self, step):
        return step.node, *step.sources

    def pull_back(self, step, multiplier, tape):
        margin, margin0 = (_margin(step, values) for values in (tape, tape.baseline))
        jump = tape.difference(step.node).to(multiplier.dtype)
        steepness = ops.stabilised_divide(jump, (margin - margin0).to(jump.dtype))
        part = multiplier * steepness.masked_fill(jump == 0, 0)  # also where both are infinite
        return to_sources(step, zip(step.node.args, (part, -part), strict=False), tape)


class Choice(MultiplierRule):
    """``where``, which is c a + (1 - c) b for a condition c of 1 or 0: two products, each midway."""

    def reads(self, step):
        return step.sources

    def pull_back(self, step, multiplier, tape):
        condition, first, second = (
            [finite(values[node].to(multiplier.dtype)) for values in (tape, tape.baseline)]
            for node in step.node.args
        )
        share = sum(condition) / 2
        parts = multiplier * (sum(first) - sum(second)) / 2, multiplier * share, multiplier * (1 - share)
        return to_sources(step, zip(step.node.args, parts, strict=True), tape)


def _margin(step: Step, values) -> Tensor:
    """First less second argument of a step; the first where it has one."""
    first, *second = (values[part] if isinstance(part, fx.Node) else part for part in step.node.args)
    return first - second[0] if second else first
