"""What the methods share that read the attention blocks of a transformer."""

from __future__ import annotations

import abc
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, fx

from pyxai.attention.stream import Stream, check_blocks
from pyxai.capture.attention import AttentionBlock, attention_blocks
from pyxai.capture.executor import Choose, Executor
from pyxai.capture.needs import Needs
from pyxai.methods.blocks import by_blocks
from pyxai.methods.feature_map.layered import sides
from pyxai.methods.feature_map.picture import Picture
from pyxai.methods.request import Maps, Request
from pyxai.propagation.elementary import elementary


@dataclass
class TokenMaps:
    """Maps of the patches of r images.

    Attributes:
        maps: T maps (r, h, w), one for each target.
        target, score: (r, T), the classes and their scores.
        extras: what else there is to tell, by name: T tensors (r, …).
    """

    maps: list[Tensor]
    target: Tensor
    score: Tensor
    extras: dict[str, list[Tensor]] = field(default_factory=dict)


Explain = Callable[[Tensor, Choose, int], TokenMaps]
"""From as many images as a call has rows, what chooses classes by the scores, and how many images count."""


class ByAttention(Picture):
    """A map of the patches of a transformer, of its attention blocks: a softmax between two matrix products.

    They are found in the captured graph by what they compute, whoever wrote the model; ``explainer.info()``
    lists them.

    Attributes:
        grid: Rows and columns of the patches, where they cannot be told from the model. The last tokens lie
            on the grid, row by row; what comes before them, class tokens and registers, is left out.
    """

    needs = Needs.GRAPH
    volumes = False
    relu = False

    grid: tuple | None = None

    def settle(self) -> None:
        super().settle()
        sides(self.grid)

    @abc.abstractmethod
    def prepare(self, executor: Executor) -> Explain:
        """What explains images, made ready for one captured model."""

    def attribute(self, executor: Executor, request: Request) -> Maps:
        explain = executor.program.prepared(self, lambda: self._prepared(executor))
        size = tuple(request.images.shape[2:])

        def maps(rows: slice) -> Maps:
            part = request[rows]
            found = explain(executor.fill(part.images), part.target.choose, len(part))
            pictures = [self.finish(of_target, size)[:, None] for of_target in found.maps]
            ones = torch.ones_like(part.ids)
            return Maps(pictures, found.target, found.score, ones, extras=found.extras)

        return by_blocks(executor, request.images, maps)

    def _prepared(self, executor: Executor) -> Explain:
        check_blocks(executor.program.attention())
        return self.prepare(executor)

    def in_parts(self, executor: Executor) -> tuple[fx.GraphModule, tuple[AttentionBlock, ...]]:
        """The graph with its attention written out, and the blocks of that."""
        graph = elementary(executor.program.forward)
        return graph, attention_blocks(graph, executor.program.survey)

    def stream(self, executor: Executor, graph: fx.GraphModule, blocks: tuple[AttentionBlock, ...]) -> Stream:
        """The tokens of the model from block to block."""
        return Stream(graph, blocks, executor.program.survey.halves, sides(self.grid))


def on_patches(stream: Stream, rows: Tensor) -> Tensor:
    """Maps (n, h, w) of what the tokens that the scores are made of have of each first one (n, T, S)."""
    if rows.shape[1] == stream.tokens:
        rows = rows[:, list(stream.reads)]
    return stream.layout.maps(rows.mean(1)[..., None])[:, 0]
