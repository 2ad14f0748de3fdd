"""Methods that send a signal back from the class, or from units of an inner layer."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch

from pyxai.capture.executor import Executor
from pyxai.capture.layers import find_layer
from pyxai.capture.needs import Needs
from pyxai.capture.split import before
from pyxai.methods.blocks import by_blocks
from pyxai.methods.method import Method
from pyxai.methods.propagation.explained import classes_of, units_in
from pyxai.methods.request import Maps, Request
from pyxai.methods.unit import Unit, check_unit, unit_index, units_of
from pyxai.propagation.elementary import elementary
from pyxai.propagation.signals import Rectify, Signals
from pyxai.propagation.walk import Walk


class FromUnit(Method):
    """Where a map starts: at the class, or at units of an inner layer.

    Attributes:
        layer: The name of an inner layer whose units are explained in place of the class. Layers behind it
            take no part.
        unit: Which units of that layer: an index into what it has for one image. Of a map (channel, row,
            column) is one unit and a number a whole channel; ranges are slices, or text as in ``"0:4,:,2"``;
            None is all of them.
        start: What the signal starts with at these units: ``one_hot`` is 1, ``activation`` is their value.
    """

    needs = Needs.GRAPH
    volumes = True
    rectify: ClassVar[Rectify]

    layer: str | None = None
    unit: Unit = None
    start: Literal["one_hot", "activation"] = "one_hot"

    def settle(self) -> None:
        if self.layer is None and self.unit is not None:
            raise ValueError(f"`unit` must come with a `layer`, got {self.unit!r} without one")
        unit_index(self.unit)

    @property
    def layers(self) -> tuple[str, ...]:
        return () if self.layer is None else (self.layer,)

    @property
    def units(self) -> str:
        if self.layer is None:
            return ""
        return units_of(self.layer, unit_index(self.unit))

    def attribute(self, executor: Executor, request: Request) -> Maps:
        walk = executor.program.prepared(self, lambda: self._walk(executor))

        def explain(rows: slice) -> Maps:
            part, maps = request[rows], []
            tape = walk.forward(executor.fill(part.images))
            value = tape[walk.end]
            if self.layer is None:
                explained = classes_of(value, part)
            else:
                explained = units_in(value, part, unit_index(self.unit), executor.entries(executor.layer))
            scores = explained.scores(value)
            for units in explained.starts:
                start = units if self.start == "one_hot" else value * units
                again = len(maps) < len(explained.starts) - 1
                maps.append(walk.backward(tape, start, again)[: len(part)])
            return Maps(maps, explained.classes, scores, torch.ones_like(part.ids))

        return by_blocks(executor, request.images, explain)

    def _walk(self, executor: Executor) -> Walk:
        graph = elementary(executor.program.forward)
        if self.layer is not None:
            check_unit(unit_index(self.unit), executor.layer_shape(executor.layer), executor.layer)
            graph = before(graph, find_layer(graph, executor.layer))
        return Walk(graph, Signals(graph, self.rectify))
