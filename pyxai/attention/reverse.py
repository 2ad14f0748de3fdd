"""From the tokens that a block passes on back to what its attention gave: gradients without autograd's graph.

The gradient that arrives is often the same for all tokens, or that of few of them, and then so is most of the
way back: a linear layer costs one row, or few. What is kept of the forward pass are the inputs of norms and
activations alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, fx

from pyxai.attention.stream import Stream
from pyxai.capture.vocabulary import ACTIVATIONS, PERMUTATIONS, RESHAPES, SCALES, SUMS
from pyxai.propagation.per_image import multiple_of, sizes_of

aten = torch.ops.aten

Kept = tuple[fx.Node, Callable[..., Tensor] | None, tuple]
_NORMS = frozenset({aten.layer_norm.default, aten.rms_norm.default})
_KNOWN = SUMS | SCALES | ACTIVATIONS | RESHAPES | PERMUTATIONS | _NORMS | {aten.linear.default}


def some_tokens(values: Tensor, axis: int, tokens: list[int]) -> Tensor:
    """Those of the values, as a copy, so that the others can be let go."""
    return values.index_select(axis, torch.tensor(tokens, device=values.device))


class Reverse:
    """The way back from the output of one block to what its attention gave each head.

    Attributes:
        kept: what must be kept of the forward pass, as :func:`pyxai.capture.split.collecting` takes it.
        rows: the tokens that gradients arrive at; None for all. They are all where the way cannot be split
            into tokens.

    Args:
        module: the graph.
        stream: its blocks.
        number: of the block.
        known: the graph's constants.
        rows: the tokens that gradients will arrive at.
    """

    def __init__(
        self,
        module: fx.GraphModule,
        stream: Stream,
        number: int,
        known: dict[fx.Node, Any],
        rows: tuple[int, ...] | None = None,
    ):
        self._stream, self._start, self._end = stream, stream.blocks[number].product, stream.outputs[number]
        self._constants = known
        self._steps = _between(module, self._start, self._end)
        self._split = all(self._of_tokens(node) for node in self._steps)
        self.rows = rows if self._split else None
        if self._split:
            read = dict.fromkeys(source for node in self._steps for source in self._reads(node))
        else:
            self._whole = _cut_out(module, self._start, self._end, self._steps, self._constants)
            read = dict.fromkeys((self._start, *self._whole.outside))
        self._read = tuple(read)
        self.kept: list[Kept] = [self._keep(node) for node in self._read]

    def back(self, gradient: Tensor, values: list[Tensor], slopes: dict) -> Tensor:
        """The gradient by what the attention gave, laid out as that is, at the tokens in ``rows``.

        Args:
            gradient: (n, rows, D), or (n, 1, D) that is the same for all tokens. Where ``rows`` are given,
                those of several gradients may follow each other.
            values: of ``kept``.
            slopes: what does not depend on the gradient, kept from one call to the next for the same values
                and as many gradients.
        """
        images, rows = gradient.shape[:2]
        times = 1 if self.rows is None else rows // len(self.rows)
        gradient = gradient.movedim(1, self._stream.axis)
        found = dict(zip(self._read, values, strict=True))
        if times > 1:
            found = {node: torch.cat([found[node]] * times, self._token_axis(node)) for node in found}
        if not self._split:
            return self._whole(gradient, found, images, self._start, self._end)
        pending = {self._end: gradient}
        for node in reversed(self._steps):
            message = pending.pop(node)
            for source, part in self._parts(node, message, found, slopes, (images, times)):
                pending[source] = pending[source] + part if source in pending else part
        return pending[self._start].expand(self._size(self._start, (images, times)))

    def _keep(self, node: fx.Node) -> Kept:
        if self.rows is None:
            return node, None, ()
        return node, some_tokens, (self._token_axis(node), list(self.rows))

    def _inside(self, node: fx.Node) -> bool:
        return node is self._start or node in self._steps

    def _reads(self, node: fx.Node) -> list[fx.Node]:
        """The values that the way back through a step needs."""
        if node.target in ACTIVATIONS | _NORMS:
            return [node.args[0]]
        if node.target in SCALES:
            return [source for source in node.all_input_nodes if source not in self._constants]
        return []

    def _of_tokens(self, node: fx.Node) -> bool:
        """Whether a step is known, and does the same to each token by itself."""
        if node.target not in _KNOWN:
            return False
        inside = [source for source in node.all_input_nodes if self._inside(source)]
        shape, axis = node.meta["val"].shape, self._token_axis(node)
        if axis is None or any(self._token_axis(source) is None for source in inside):
            return False
        last = axis == len(shape) - 1
        if node.target is aten.linear.default:
            return inside == [node.args[0]] and not last and node.args[1] in self._constants
        if node.target in _NORMS:
            return len(node.args[1]) == 1 and not last and self._stored_axis(node.args[0])
        if node.target in ACTIVATIONS:
            return self._stored_axis(node.args[0])
        if node.target in SUMS:
            return all(source.meta["val"].shape == shape for source in inside)
        if node.target in SCALES:
            return all(self._factor(source, shape, axis) for source in node.all_input_nodes)
        return True

    def _factor(self, source: fx.Node, shape: torch.Size, axis: int) -> bool:
        """Whether a factor is a value like the step's, or a constant that is the same for all tokens."""
        value = source.meta["val"]
        if source in self._constants:
            place = axis - (len(shape) - value.ndim)
            return place < 0 or value.shape[place] == 1
        return value.shape == shape and self._stored_axis(source)

    def _stored_axis(self, node: fx.Node) -> bool:
        """Whether some tokens of a value can be kept: they have an axis of their own."""
        axis = self._token_axis(node)
        return axis is not None and multiple_of(node, axis) == 0

    def _token_axis(self, node: fx.Node) -> int | None:
        """Where a value has the tokens, beside or together with the images; None where that is not sure."""
        shape, tokens = node.meta["val"].shape, self._stream.tokens
        found = [
            axis for axis in range(len(shape)) if shape[axis] == tokens and multiple_of(node, axis) == 0
        ] or [axis for axis in range(len(shape)) if multiple_of(node, axis) == tokens]
        return found[0] if len(found) == 1 else None

    def _size(self, node: fx.Node, count: tuple[int, int]) -> tuple[int, ...]:
        """The shape that so many gradients of a value of so many images have."""
        images, times = count
        size = list(sizes_of(node, images))
        if self.rows is not None:
            axis = self._token_axis(node)
            size[axis] = size[axis] // self._stream.tokens * len(self.rows) * times
        return tuple(size)

    def _parts(self, node: fx.Node, message: Tensor, values: dict, slopes: dict, count: tuple[int, int]):
        """What a step passes on to each of its sources: (source, gradient)."""
        source, target = node.args[0], node.target
        if target is aten.linear.default:
            yield source, message @ self._constants[node.args[1]]
        elif target in SUMS:
            yield from self._addends(node, message)
        elif target in ACTIVATIONS:
            if node not in slopes:
                slopes[node] = _slope(node, values[source], self._constants)
            yield source, message * slopes[node]
        elif target in SCALES:
            for place, factor in enumerate(node.args[:2]):
                if isinstance(factor, fx.Node) and self._inside(factor):
                    yield factor, self._scaled(node, place, message, values)
        elif target in _NORMS:
            yield source, _pulled(node, values[source], message.expand(values[source].shape), self._constants)
        elif target in RESHAPES:
            yield source, message.expand(self._size(node, count)).reshape(self._size(source, count))
        elif target is aten.permute.default:
            axes = [axis % message.ndim for axis in node.args[1]]
            yield source, message.permute([axes.index(axis) for axis in range(message.ndim)])
        elif target is aten.transpose.int:
            yield source, message.transpose(*node.args[1:])
        else:
            yield source, message.t()

    def _addends(self, node: fx.Node, message: Tensor):
        first, second = node.args[:2]
        alpha = node.args[2] if len(node.args) > 2 else node.kwargs.get("alpha", 1)
        weights = (1, alpha if node.target is aten.add.Tensor else -alpha)
        if node.target is aten.rsub.Scalar:
            weights = (-alpha, 1)
        for addend, weight in zip((first, second), weights, strict=True):
            if isinstance(addend, fx.Node) and self._inside(addend):
                yield addend, message if weight == 1 else message * weight

    def _scaled(self, node: fx.Node, place: int, message: Tensor, values: dict) -> Tensor:
        if node.target is aten.neg.default:
            return -message
        other = node.args[1 - place]
        if isinstance(other, fx.Node):
            other = self._constants[other] if other in self._constants else values[other]
        if node.target is aten.mul.Tensor or node.target is aten.mul.Scalar:
            return message * other
        if place == 0:
            return message / other
        divisor = values[node.args[1]]
        return -message * other / divisor.square()


class _Whole:
    """What lies between two values, differentiated by autograd: for steps that no rule is known of."""

    def __init__(self, graph: fx.GraphModule, outside: list[fx.Node]):
        self.graph, self.outside = graph, outside

    def __call__(self, gradient: Tensor, values: dict, images: int, start: fx.Node, end: fx.Node) -> Tensor:
        leaf = values[start].detach().requires_grad_(True)
        with torch.enable_grad():
            result = self.graph(leaf, *(values[node] for node in self.outside))
            whole = gradient.expand(sizes_of(end, images))
            return torch.autograd.grad(result, leaf, whole)[0]


def _between(module: fx.GraphModule, start: fx.Node, end: fx.Node) -> list[fx.Node]:
    """The nodes that depend on one value and that another depends on, in order, the second one included."""
    behind, needed = {start}, {end}
    for node in module.graph.nodes:
        if behind.intersection(node.all_input_nodes):
            behind.add(node)
    for node in reversed(module.graph.nodes):
        if node in needed:
            needed.update(node.all_input_nodes)
    return [node for node in module.graph.nodes if node in behind and node in needed and node is not start]


def _cut_out(
    module: fx.GraphModule, start: fx.Node, end: fx.Node, steps: list[fx.Node], known: dict
) -> _Whole:
    """The steps as a graph of the value they begin with and of what they take from elsewhere."""
    outside = dict.fromkeys(
        source
        for node in steps
        for source in node.all_input_nodes
        if source not in steps and source is not start
    )
    graph = fx.Graph()
    copies = {start: graph.placeholder("start")}
    for node in outside:
        if node not in known:
            copies[node] = graph.placeholder(node.name)
    for node in module.graph.nodes:  # what is made of constants comes along
        if node in known or node in steps:
            copies[node] = graph.node_copy(node, copies.__getitem__)
    graph.output(copies[end])
    graph.eliminate_dead_code()
    return _Whole(fx.GraphModule(module, graph), [node for node in outside if node not in known])


def _slope(node: fx.Node, value: Tensor, known: dict) -> Tensor:
    """The derivative of an activation at each value."""
    return _pulled(node, value, torch.ones_like(value), known)


def _pulled(node: fx.Node, value: Tensor, gradient: Tensor, known: dict) -> Tensor:
    """The gradient by the first argument of a call."""
    leaf = value.detach().requires_grad_(True)
    arguments = fx.node.map_arg(node.args[1:], known.__getitem__)
    settings = fx.node.map_arg(node.kwargs, known.__getitem__)
    with torch.enable_grad():
        result = node.target(leaf, *arguments, **settings)
    return torch.autograd.grad(result, leaf, gradient)[0]
