"""Methods that send a signal back from the class, or from units of an inner layer."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor

from pyxai.capture.elementary import elementary
from pyxai.capture.executor import Executor
from pyxai.capture.layers import find_layer
from pyxai.capture.needs import Needs
from pyxai.capture.split import before
from pyxai.methods.method import Method
from pyxai.methods.request import Maps, Request
from pyxai.propagation.signals import Rectify, Signals
from pyxai.propagation.steps import one_hot
from pyxai.propagation.walk import Walk


class FromUnit(Method):
    """Where a map starts: at the class, or at units of an inner layer.

    Attributes:
        layer: explains units of this layer in place of the class; layers behind it take no part.
        unit: which: (channel, row, column), or (channel,) for a whole map; None for all.
        start: the map starts with 1 at these units, ``one_hot``, or with their ``activation``.
    """

    needs = Needs.GRAPH
    rectify: ClassVar[Rectify]

    layer: str | None = None
    unit: tuple | None = None
    start: Literal["one_hot", "activation"] = "one_hot"

    def settle(self) -> None:
        if self.layer is None and self.unit is not None:
            raise ValueError(f"`unit` must come with a `layer`, got {self.unit!r} without one")
        whole = self.unit is None or (
            isinstance(self.unit, tuple)
            and all(isinstance(i, int | float) and i == int(i) for i in self.unit)
        )
        if not whole:
            raise ValueError(f"`unit` must be whole numbers, (channel,) or (channel, …), got {self.unit!r}")

    @property
    def layers(self) -> tuple[str, ...]:
        return () if self.layer is None else (self.layer,)

    def attribute(self, executor: Executor, request: Request) -> Maps:
        walk = executor.program.prepared(self, lambda: self._walk(executor))
        images = request.images
        count = request.target.count if self.layer is None else 1
        maps = [torch.empty_like(images) for _ in range(count)]
        scores = images.new_empty(len(images), count)
        classes = torch.full((len(images), count), -1, device=images.device)
        for block in executor.blocks(len(images)):
            rows = images[block]
            tape = walk.forward(executor.fill(rows))
            value = tape[walk.end]
            if self.layer is None:
                classes[block] = request.target.choose(value[: len(rows)], block)
            for t, whole in enumerate(maps):
                chosen = one_hot(value, classes[block, t]) if self.layer is None else self._chosen(value)
                scores[block, t] = (value * chosen).flatten(1).sum(1)[: len(rows)]
                start = chosen if self.start == "one_hot" else value * chosen
                whole[block] = walk.backward(tape, start, again=t < count - 1)[: len(rows)]
        evaluations = torch.ones(len(images), dtype=torch.int64, device=images.device)
        return Maps(maps, classes, scores, evaluations)

    def _walk(self, executor: Executor) -> Walk:
        graph = elementary(executor.program.forward)
        if self.layer is not None:
            node = find_layer(graph, self.layer)
            self._check_unit(tuple(node.meta["val"].shape[1:]))
            graph = before(graph, node)
        return Walk(graph, Signals(graph, self.rectify))

    def _check_unit(self, shape: tuple[int, ...]) -> None:
        unit = self.unit or ()
        if len(unit) > len(shape) or not all(0 <= i < n for i, n in zip(unit, shape, strict=False)):
            raise ValueError(f"`unit` must be an index into {shape}, the shape of `{self.layer}`, got {unit}")

    def _chosen(self, value: Tensor) -> Tensor:
        """1 at the units of the layer's ``value`` that are explained, else 0."""
        chosen = torch.zeros_like(value)
        chosen[(slice(None), *(int(index) for index in self.unit or ()))] = 1
        return chosen
