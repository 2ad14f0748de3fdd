"""Methods that send a signal back from the class, or from units of an inner layer."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch

from pyxai.capture.executor import Executor
from pyxai.capture.layers import find_layer
from pyxai.capture.needs import Needs
from pyxai.capture.split import before
from pyxai.methods.blocks import by_blocks
from pyxai.methods.class_or_units import ClassOrUnits
from pyxai.methods.propagation.explained import classes_of, units_in
from pyxai.methods.request import Maps, Request
from pyxai.methods.unit import check_unit, unit_index
from pyxai.propagation.elementary import elementary
from pyxai.propagation.signals import Rectify, Signals
from pyxai.propagation.walk import Walk


class FromUnit(ClassOrUnits):
    """Where a map starts: at the class, or at units of an inner layer.

    Attributes:
        start: What the signal starts with at these units: ``one_hot`` is 1, ``activation`` is their value.
    """

    needs = Needs.GRAPH
    volumes = True
    rectify: ClassVar[Rectify]

    start: Literal["one_hot", "activation"] = "one_hot"

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
