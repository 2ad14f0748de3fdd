"""Guided backpropagation and DeconvNet."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from pyxai.attribution.batch import Batch, Maps
from pyxai.attribution.propagation.relevance import one_hot
from pyxai.attribution.propagation.signals import Rectify, Signals
from pyxai.attribution.propagation.walk import Walk
from pyxai.attribution.registry import register
from pyxai.capture.elementary import elementary
from pyxai.capture.executor import Executor
from pyxai.capture.layers import find_layer
from pyxai.capture.split import before
from pyxai.checks import one_of


class _FromUnit:
    """Where a map starts: at the class, or at units of an inner layer; the options share their meaning."""

    layer: str | None
    unit: tuple | None
    start: str
    rectify: Rectify

    def _check(self) -> None:
        one_of("start", self.start, ("one_hot", "activation"))
        if self.layer is None and self.unit is not None:
            raise ValueError(f"`unit` must come with a `layer`, got {self.unit!r} without one")
        whole = self.unit is None or (
            isinstance(self.unit, tuple)
            and all(isinstance(i, int | float) and i == int(i) for i in self.unit)
        )
        if not whole:
            raise ValueError(f"`unit` must be whole numbers, (channel,) or (channel, …), got {self.unit!r}")

    def rows_an_image(self) -> int:
        return 1

    def attribute(self, executor: Executor, batch: Batch) -> Maps:
        walk = executor.program.prepared(self, lambda: self._walk(executor, batch.method))
        images = batch.images
        count = batch.target.count if self.layer is None else 1
        maps = [torch.empty_like(images) for _ in range(count)]
        scores = images.new_empty(len(images), count)
        classes = torch.full((len(images), count), -1, device=images.device)
        for block in executor.blocks(len(images)):
            rows = images[block]
            tape = walk.forward(executor.fill(rows))
            value = tape[walk.end]
            if self.layer is None:
                classes[block] = batch.target.choose(value[: len(rows)], block)
            for t, whole in enumerate(maps):
                chosen = one_hot(value, classes[block, t]) if self.layer is None else self._chosen(value)
                scores[block, t] = (value * chosen).flatten(1).sum(1)[: len(rows)]
                start = chosen if self.start == "one_hot" else value * chosen
                whole[block] = walk.backward(tape, start, again=t < count - 1)[: len(rows)]
        evaluations = torch.ones(len(images), dtype=torch.int64, device=images.device)
        return Maps(maps, classes, scores, evaluations)

    def _walk(self, executor: Executor, method: str) -> Walk:
        graph = elementary(executor.program.forward)
        if self.layer is not None:
            node = find_layer(graph, self.layer)
            self._check_unit(tuple(node.meta["val"].shape[1:]))
            graph = before(graph, node)
        return Walk(graph, Signals(graph, method, self.rectify))

    def _check_unit(self, shape: tuple[int, ...]) -> None:
        unit = self.unit or ()
        if len(unit) > len(shape) or not all(0 <= i < n for i, n in zip(unit, shape, strict=False)):
            raise ValueError(f"`unit` must be an index into {shape}, the shape of `{self.layer}`, got {unit}")

    def _chosen(self, value: Tensor) -> Tensor:
        """1 at the units of the layer's ``value`` that are explained, else 0."""
        chosen = torch.zeros_like(value)
        chosen[(slice(None), *(int(index) for index in self.unit or ()))] = 1
        return chosen


@register("guided_backprop", family="propagation", needs="graph")
class GuidedBackprop(_FromUnit):
    """Gradient that passes a ReLU only where it and the activation are positive (survey §4.3).

    Springenberg et al. 2015.

    Attributes:
        layer: explains units of this layer in place of the class; layers behind it take no part.
        unit: which: (channel, row, column), or (channel,) for a whole map; None for all.
        start: the map starts with 1 at these units, ``one_hot``, or with their ``activation``.
    """

    layer: str | None = None
    unit: tuple | None = None
    start: Literal["one_hot", "activation"] = "one_hot"
    rectify = "both"

    def __post_init__(self):
        self._check()


@register("deconvnet", family="propagation", needs="graph")
class DeconvNet(_FromUnit):
    """Unpool by the maxima's switches, rectify the signal, filter by the transposed layers (survey §4.1).

    Zeiler & Fergus 2014. It is the gradient but for the ReLU, which looks at the signal alone (survey §4.2).

    Attributes:
        layer: explains units of this layer in place of the class; layers behind it take no part.
        unit: which: (channel, row, column), or (channel,) for a whole map; None for all.
        start: the map starts with 1 at these units, ``one_hot``, or with their ``activation``.
    """

    layer: str | None = None
    unit: tuple | None = None
    start: Literal["one_hot", "activation"] = "one_hot"
    rectify = "signal"

    def __post_init__(self):
        self._check()
