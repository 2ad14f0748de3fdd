"""DeepLIFT where values are chosen among others: maxima, comparisons, ``where``.

Each rule is exact, also where the image and its baseline choose differently.
"""

from __future__ import annotations

import torch
from torch import Tensor, fx

from pyxai import ops
from pyxai.capture.vocabulary import SMALLER
from pyxai.propagation import vjp
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
        value, tape.notes[step] = aten.max_pool2d_with_indices.default(*arguments, **settings)
        return value

    def pull_back(self, step, multiplier, tape):
        (source,) = step.sources
        change = tape.difference(step.node)
        winner = torch.where(change > 0, tape.notes[step], tape.baseline.notes[step])
        moved = _pick(tape[source], winner).sub_(_pick(tape.baseline[source], winner))
        return [vjp.unpooled(step, _share(change, moved).mul_(multiplier), tape, winner)]


def _share(change: Tensor, moved: Tensor) -> Tensor:
    """``change`` of maxima by what their winners ``moved``; where a winner stayed, so did the maximum."""
    return change.div_(moved).masked_fill_(moved == 0, 1.0)


def _pick(values: Tensor, index: Tensor) -> Tensor:
    """Values (n or 1, C, H, W) at the pixels ``index`` (n, C, h, w), numbered in rows."""
    pixels = values.permute(0, 2, 3, 1).expand(len(index), -1, -1, -1).flatten(1, 2)
    picked = pixels.gather(1, index.permute(0, 2, 3, 1).flatten(1, 2))
    return picked.unflatten(1, index.shape[2:]).permute(0, 3, 1, 2)


class CrossMaximum(MultiplierRule):
    """The same for ``amax``, whose one window is all of some axes."""

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
        winner = torch.where(change > 0, x.argmax(-1, keepdim=True), x0.argmax(-1, keepdim=True))
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
