"""DeepLIFT's RevealCancel rule, and the sizes of positive and negative contributions that it needs.

Shrikumar et al. 2017, §3.5.3. Positive and negative contributions to a value, Δ⁺ and Δ⁻, are its difference
and its *magnitude* A = Δ⁺ - Δ⁻: Δ± = ½ (Δ ± A). So one tensor more than for Rescale goes forward, and one
more comes back, the spread of the multipliers.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable

from torch import Tensor, fx

from pyxai import ops
from pyxai.propagation.deeplift.multipliers import (
    MultiplierRule,
    Multipliers,
    PairedTape,
    applied,
)
from pyxai.propagation.walk import Step


class Magnitudes:
    """A = Δ⁺ - Δ⁻ of any value, made once for a pair of tapes.

    Args:
        steps: the steps of the graph by their node, in its order.
        rule: a method that gives the rule of a step. Its object is not held, for it may hold this one.
    """

    def __init__(self, steps: dict[fx.Node, Step], rule: Callable[[Step], MultiplierRule]):
        self._steps = steps
        self._rule = weakref.WeakMethod(rule)
        self._place = {node: place for place, node in enumerate(steps)}
        self._orders: dict[fx.Node, list[fx.Node]] = {}

    def reads(self, node: fx.Node) -> set[fx.Node]:
        """Nodes whose values :meth:`of` reads."""
        return {value for part in self._order(node) for value in self._needs(part)[0]}

    def of(self, node: fx.Node, tape: PairedTape) -> Tensor:
        """The magnitude of the value of ``node``."""
        made = tape.magnitudes
        for part in self._order(node):
            if part not in made:
                step = self._steps.get(part)
                made[part] = (
                    tape.difference(part).abs()
                    if step is None
                    else self._rule()(step).magnitude(step, tape, made.__getitem__)
                )
        return made[node]

    def _needs(self, node: fx.Node) -> tuple:
        step = self._steps.get(node)
        return ((node,), ()) if step is None else self._rule()(step).magnitude_reads(step)

    def _order(self, node: fx.Node) -> list[fx.Node]:
        """``node`` and all whose magnitude its own is made of, those first."""
        if node not in self._orders:
            found, waiting = set(), [node]
            while waiting:
                part = waiting.pop()
                if part not in found:
                    found.add(part)
                    waiting.extend(self._needs(part)[1])
            self._orders[node] = sorted(found, key=lambda part: self._place.get(part, -1))
        return self._orders[node]


class RevealCancel(MultiplierRule):
    """Δy⁺ = ½ (g(x0 + Δ⁺) - g(x0)) + ½ (g(x) - g(x0 + Δ⁻)) for a function g of one number, Δy⁻ likewise.

    A part that is zero contributes zero; nothing is added to denominators. Then Δy⁺ - Δy⁻ =
    g(x0 + Δ⁺) - g(x0 + Δ⁻).
    """

    def __init__(self, magnitudes: Magnitudes):
        self._magnitudes = magnitudes

    def plan(self, step, form):
        (source,) = step.sources
        return [(source, True)], {step.node, source} | self._magnitudes.reads(source)

    def backward(self, step, message, tape):
        positive, negative, high, low = self._ends(step, tape)
        start, end = tape.baseline[step.node], tape[step.node]
        up = ops.stabilised_divide((high - start) + (end - low), positive)
        down = ops.stabilised_divide((low - start) + (end - high), negative)
        mean, spread = message
        above, below = (mean, mean) if spread is None else (mean + spread, mean - spread)
        above, below = above * up, below * down
        return [Multipliers((above + below) / 4, (above - below) / 4)]

    def magnitude_reads(self, step):
        return step.sources, step.sources

    def magnitude(self, step, tape, of):
        _, _, high, low = self._ends(step, tape)
        return high - low

    def _ends(self, step: Step, tape: PairedTape) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Δ⁺ and Δ⁻, and g at the baseline moved by either."""
        (source,) = step.sources
        difference, size = tape.difference(source), self._magnitudes.of(source, tape)
        parts = (difference + size) / 2, (difference - size) / 2
        ends = (applied(step, tape, lambda _, part=part: tape.baseline[source] + part) for part in parts)
        return *parts, *ends


class RevealCancelReLU(RevealCancel):
    """The same for a ReLU, in one pass."""

    def plan(self, step, form):
        (source,) = step.sources
        return [(source, True)], {source} | self._magnitudes.reads(source)

    def backward(self, step, message, tape):
        (source,) = step.sources
        size = self._magnitudes.of(source, tape)
        return [Multipliers(*ops.reveal_cancel_relu(*message, tape[source], tape.baseline[source], size))]
