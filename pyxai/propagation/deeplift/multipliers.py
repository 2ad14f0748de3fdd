"""What DeepLIFT carries back through a graph, and the pair of forward passes it reads.

A multiplier m of a value says how much of a difference of the output each unit of the value's own difference
Δ from the baseline accounts for. RevealCancel tells positive from negative contributions to Δ = Δ⁺ + Δ⁻ and
has a multiplier for each: together m⁺ Δ⁺ + m⁻ Δ⁻.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import torch
from torch import Tensor, fx

from pyxai.propagation.walk import Rule, Step, Tape


class Multipliers(NamedTuple):
    """The message for a value: m± = mean ± spread, so that it accounts for mean · Δ + spread · (Δ⁺ - Δ⁻).

    ``spread`` None stands for zeros. A message's form is whether it has one.
    """

    mean: Tensor
    spread: Tensor | None = None


class PairedTape(Tape):
    """The tape of the images with, as ``baseline``, that of their baselines.

    Every value of ``baseline`` has as many rows as that of the images, or one for all of them.
    """

    def __init__(self, images: Tape, baseline: Tape):
        self.values, self.layouts = images.values, images.layouts
        self.notes, self.shares = images.notes, images.shares
        self.baseline = baseline
        self.magnitudes: dict[fx.Node, Tensor] = {}

    def difference(self, node: fx.Node) -> Tensor:
        """Δ of a value; of a mask -1, 0 or 1."""
        end, start = self[node], self.baseline[node]
        return end.int() - start.int() if end.dtype == torch.bool else end - start


class MultiplierRule(Rule):
    """A rule for one multiplier a value.

    Where a message has a spread, the whole difference of the value counts as positive or negative part by its
    sign: Δ± = (max(Δ, 0), min(Δ, 0)).
    """

    def reads(self, step: Step) -> Iterable[fx.Node]:
        """Nodes whose values :meth:`pull_back` reads."""
        return ()

    def pull_back(self, step: Step, multiplier: Tensor, tape: PairedTape) -> list[Tensor]:
        """Multipliers of the sources, in their order."""
        raise NotImplementedError

    def plan(self, step, form):
        reads = {*self.reads(step), step.node} if form else self.reads(step)
        return [(source, False) for source in step.sources], reads

    def backward(self, step, message, tape):
        multiplier = message.mean
        if message.spread is not None:
            multiplier = multiplier + message.spread * tape.difference(step.node).sign()
        return [Multipliers(part) for part in self.pull_back(step, multiplier, tape)]

    def magnitude_reads(self, step: Step) -> tuple[Iterable[fx.Node], Iterable[fx.Node]]:
        """Nodes whose values, and nodes whose magnitudes, :meth:`magnitude` reads."""
        return (step.node,), ()

    def magnitude(self, step: Step, tape: PairedTape, of: Callable[[fx.Node], Tensor]) -> Tensor:
        """Δ⁺ - Δ⁻ of the step's value; ``of`` gives that of another node."""
        return tape.difference(step.node).abs()


class PartwiseRule(MultiplierRule):
    """A rule for a step that does not mix Δ⁺ and Δ⁻: both go their own way through it."""

    def pull_back(
        self, step: Step, multiplier: Tensor, tape: PairedTape, sizes: bool = False
    ) -> list[Tensor]:
        """As for one multiplier; with ``sizes``, for a spread, through the magnitudes of the weights."""
        raise NotImplementedError

    def plan(self, step, form):
        return [(source, form) for source in step.sources], self.reads(step)

    def backward(self, step, message, tape):
        means = self.pull_back(step, message.mean, tape)
        if message.spread is None:
            return [Multipliers(mean) for mean in means]
        spreads = self.pull_back(step, message.spread, tape, sizes=True)
        return [Multipliers(*parts) for parts in zip(means, spreads, strict=True)]

    def magnitude_reads(self, step):
        return self.reads(step), step.sources


def applied(step: Step, tape: Tape, value: Callable[[fx.Node], Tensor]) -> Tensor:
    """What the step gives for other values of its sources."""
    arguments, settings = fx.node.map_arg(
        (step.node.args, step.node.kwargs),
        lambda node: value(node) if node in step.sources else tape[node],
    )
    return step.node.target(*arguments, **settings)
