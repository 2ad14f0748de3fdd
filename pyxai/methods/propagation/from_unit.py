"""Methods that send a signal back from the class, or from units of an inner layer."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor

from pyxai.capture.executor import Executor
from pyxai.capture.layers import find_layer
from pyxai.capture.needs import Needs
from pyxai.capture.split import before
from pyxai.methods.blocks import by_blocks
from pyxai.methods.method import Method
from pyxai.methods.request import Maps, Request
from pyxai.propagation.elementary import elementary
from pyxai.propagation.signals import Rectify, Signals
from pyxai.propagation.steps import one_hot
from pyxai.propagation.walk import Walk


class FromUnit(Method):
    """Where a map starts: at the class, or at units of an inner layer.

    Attributes:
        layer: The name of an inner layer whose units are explained in place of the class. Layers behind it
            take no part.
        unit: Which units of that layer: (channel, row, column) is one unit, (channel,) a whole channel, None
            all of them.
        start: What the signal starts with at these units: ``one_hot`` is 1, ``activation`` is their value.
    """

    needs = Needs.GRAPH
    volumes = True
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

    @property
    def units(self) -> str:
        if self.layer is None:
            return ""
        unit = [int(index) for index in self.unit or ()]
        if len(unit) == 1:
            return f"{self.layer}, channel {unit[0]}"
        return f"{self.layer}, unit {','.join(map(str, unit))}" if unit else f"{self.layer}, all units"

    def attribute(self, executor: Executor, request: Request) -> Maps:
        walk = executor.program.prepared(self, lambda: self._walk(executor))

        def explain(rows: slice) -> Maps:
            part, maps, scores = request[rows], [], []
            tape = walk.forward(executor.fill(part.images))
            value = tape[walk.end]
            if self.layer is None:
                classes = part.target.choose(value[: len(part)])
                chosen = [one_hot(value, target) for target in classes.unbind(1)]
            else:
                classes = torch.full_like(part.ids, -1)[:, None]
                chosen = [self._chosen(value)]
            for units in chosen:
                scores.append((value * units).flatten(1).sum(1)[: len(part)])
                start = units if self.start == "one_hot" else value * units
                maps.append(walk.backward(tape, start, again=len(maps) < len(chosen) - 1)[: len(part)])
            return Maps(maps, classes, torch.stack(scores, 1), torch.ones_like(part.ids))

        return by_blocks(executor, request.images, explain)

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
