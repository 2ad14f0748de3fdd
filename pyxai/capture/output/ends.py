"""What a captured graph ends in: a softmax or a sigmoid whose values reach the output as they are."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn

from pyxai.capture.split import before
from pyxai.capture.vocabulary import (
    IDENTITIES,
    LOG_SOFTMAXES,
    PERMUTATIONS,
    RESHAPES,
    SIZES,
    SOFTMAXES,
)

aten = torch.ops.aten

_CASTS = frozenset({aten._to_copy.default, aten.to.dtype})
_PARTS = frozenset({aten.split.Tensor, aten.split_with_sizes.default, aten.unbind.int, operator.getitem})
_MOVES = (  # they choose and rearrange values
    IDENTITIES
    | RESHAPES
    | PERMUTATIONS
    | _PARTS
    | {aten.slice.Tensor, aten.select.int, aten.index_select.default, aten.index.Tensor, aten.flip.default}
)
_ENDS = {
    **dict.fromkeys(SOFTMAXES, "softmax"),
    **dict.fromkeys(LOG_SOFTMAXES, "log_softmax"),
    aten.sigmoid.default: "sigmoid",
}
_UNDONE = {  # an exponential or logarithm behind it that makes it another
    (aten.exp.default, "log_softmax"): "softmax",
    (aten.log.default, "softmax"): "log_softmax",
}


@dataclass(frozen=True)
class End:
    """The function that the output's values come from.

    Attributes:
        name: ``softmax``, ``log_softmax`` or ``sigmoid``.
        nodes: the calls that compute it, each with one source.
    """

    name: str
    nodes: tuple[fx.Node, ...]


def find_end(module: fx.GraphModule, images: Tensor) -> End | None:
    """The end of a canonical graph, None where it has none.

    Between a softmax and the output values may be moved, left out and cast, and nothing else; and the classes
    of an image, the axis 1 of the output, must be of one softmax, at different places of its axis.

    Args:
        images: (n, C, H, W) that the graph can be run on.
    """
    node, behind, inverse = list(module.graph.nodes)[-1].args[0], [], ()
    while node.target in _MOVES or _is_cast(node):
        behind.append(node)
        node = node.args[0]
    if any((node.target, name) in _UNDONE for name in _ENDS.values()):
        inverse, node = (node,), node.args[0]
        while node.target in _MOVES or _is_cast(node):
            behind.append(node)
            node = node.args[0]
    name = _ENDS.get(node.target)
    if inverse and name is not None:
        name = _UNDONE.get((inverse[0].target, name))
    if name is None:
        return None
    with torch.no_grad():
        value = before(module, node)(images)
    axis = None if name == "sigmoid" else node.args[1] % value.ndim
    passing = {*inverse, *behind}
    try:
        places = _Places(module, images, node, _numbered(value, axis), passing).of_output()
    except _Unclear:
        return None
    return End(name, (*inverse, node)) if _unchanged(places, value, axis) else None


def take_off(module: fx.GraphModule, end: End) -> None:
    """Let the graph give what its ``end`` is a function of."""
    for node in end.nodes:
        node.replace_all_uses_with(node.args[0])
    module.graph.eliminate_dead_code()
    module.graph.lint()
    module.recompile()


class Below(nn.Module):
    """``function``, to (n, K), whose gradients pass by the ``end`` of what it returns.

    They are then those of what the end is taken of, moved and cast alike, by which functions can be compared:
    the gradient of a confident probability is rounding and nothing else.
    """

    def __init__(self, function: nn.Module, end: End | None):
        super().__init__()
        self.function = function
        self.names = (
            [_autograd_name(node.target.overloadpacket.__name__) for node in end.nodes] if end else []
        )

    def forward(self, images: Tensor) -> Tensor:
        values = self.function(images)
        ahead, seen = [(values.grad_fn, self.names)], set()
        while ahead:
            node, names = ahead.pop()
            if node is None or node in seen or not names:
                continue
            seen.add(node)
            if _autograd_name(node.name()) == names[0]:
                node.register_hook(_pass_by)
                names = names[1:]
            ahead.extend((source, names) for source, _ in node.next_functions)
        return values.flatten(1)


def _autograd_name(operation: str) -> str:
    """What the name of autograd and that of the operation share, ``softmax`` of ``SoftmaxBackward0`` say."""
    return operation.rstrip("0123456789").removesuffix("Backward").replace("_", "").lower()


def _pass_by(given: tuple[Tensor, ...], above: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return (above[0].to(given[0].dtype),)


def _is_cast(node: fx.Node) -> bool:
    value = node.meta.get("val")
    return node.target in _CASTS and isinstance(value, Tensor) and value.is_floating_point()


def _numbered(value: Tensor, axis: int | None) -> Tensor:
    """Like ``value``, with numbers from 1 that run along ``axis`` first."""
    numbers = torch.arange(1, value.numel() + 1, device=value.device)
    if axis is None:
        return numbers.reshape(value.shape)
    moved = value.movedim(axis, -1).shape
    return numbers.reshape(moved).movedim(-1, axis)


def _unchanged(places: Tensor, value: Tensor, axis: int | None) -> bool:
    """Whether the values of an image's classes are of one softmax, at different places."""
    if axis is None:
        return True
    if places.shape[1] == 1:
        return False
    softmax, place = (places - 1) // value.shape[axis], (places - 1) % value.shape[axis]
    different = (place.sort(1).values.diff(dim=1) > 0).all()
    return bool(different) and bool((softmax == softmax[:, :1]).all())


class _Unclear(Exception):
    """A value that cannot be told without running the whole model."""


class _Places:
    """Runs the calls behind a node on other values; of the rest of the graph it knows sizes and constants."""

    def __init__(self, module: fx.GraphModule, images: Tensor, node: fx.Node, value: Tensor, passing):
        self._module, self._passing = module, passing
        placeholder = next(entry for entry in module.graph.nodes if entry.op == "placeholder")
        self._known: dict[fx.Node, Any] = {placeholder: images, node: value}

    def of_output(self) -> Tensor:
        return self._value(list(self._module.graph.nodes)[-1].args[0])

    def _value(self, node: fx.Node) -> Any:
        if node not in self._known:
            self._known[node] = self._computed(node)
        return self._known[node]

    def _computed(self, node: fx.Node) -> Any:
        if node.op == "get_attr":
            return getattr(self._module, node.target)
        if node not in self._passing and node.target not in SIZES:
            raise _Unclear
        if node in self._passing and node.target not in _MOVES:
            return self._value(node.args[0])  # a cast, an exponential
        arguments, settings = fx.node.map_arg((node.args, node.kwargs), self._value)
        return node.target(*arguments, **settings)
