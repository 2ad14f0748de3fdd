"""Which values of a graph are known never to be negative, whatever the image."""

from __future__ import annotations

import math

import torch
from torch import Tensor, fx

from pyxai.capture.calls import spatial_mean
from pyxai.capture.vocabulary import (
    AVERAGE_POOLS_2D,
    JOINS,
    MAX_POOLS,
    MAXIMA,
    MINIMA,
    PADS,
    PERMUTATIONS,
    RECTIFIERS,
    RESHAPES,
    SIGMOIDS,
    SOFTMAXES,
)

aten = torch.ops.aten

_NEVER_NEGATIVE = (
    (RECTIFIERS - {aten.leaky_relu.default})
    | SIGMOIDS
    | SOFTMAXES
    | {aten.softplus.default, aten.abs.default, aten.exp.default}
)
_BOUNDED = {  # position and default of the lower bound
    aten.clamp.default: (1, None),
    aten.clamp_min.default: (1, None),
    aten.hardtanh.default: (1, -1.0),
}
# The value is non-negative where every argument is.
_KEEPING = (
    AVERAGE_POOLS_2D
    | JOINS
    | MAX_POOLS
    | MAXIMA
    | MINIMA
    | PADS
    | PERMUTATIONS
    | RESHAPES
    | {
        spatial_mean,
        aten.mean.dim,
        aten.sum.dim_IntList,
        aten.slice.Tensor,
        aten.select.int,
        aten.flip.default,
        aten.expand.default,
        aten.upsample_nearest2d.vec,
        aten.upsample_bilinear2d.vec,
        aten.add.Tensor,
        aten.mul.Tensor,
        aten.div.Tensor,
        aten.matmul.default,
    }
)


def nonnegative(graph: fx.Graph, constants: dict) -> set[fx.Node]:
    """The nodes of ``graph`` whose values cannot be negative; ``constants`` are those known beforehand."""
    known = {
        node
        for node, value in constants.items()
        if isinstance(value, Tensor) and not value.is_complex() and bool((value >= 0).all())
    }
    for node in graph.nodes:
        if node.op == "call_function" and node not in constants and _is_nonnegative(node, known):
            known.add(node)
    return known


def lower_bound(node: fx.Node) -> float | None:
    """The number that a clamp or hard tanh cuts at from below; None where it does not, or at a tensor."""
    if node.target not in _BOUNDED:
        return None
    position, bound = _BOUNDED[node.target]
    bound = node.args[position] if len(node.args) > position else node.kwargs.get("min", bound)
    return bound if isinstance(bound, int | float) else None


def _is_nonnegative(node: fx.Node, known: set[fx.Node]) -> bool:
    if node.target in _NEVER_NEGATIVE:
        return True
    if node.target in _BOUNDED:
        bound = lower_bound(node)
        return node.args[0] in known or (bound is not None and bound >= 0)
    if node.target not in _KEEPING:
        return False
    numbers = [value for value in (*node.args[1:], *node.kwargs.values()) if isinstance(value, int | float)]
    signless = node.target not in PADS | {aten.add.Tensor, aten.mul.Tensor, aten.div.Tensor}
    tensors = [source for source in node.all_input_nodes if isinstance(source.meta.get("val"), Tensor)]
    return all(source in known for source in tensors) and (
        signless or all(number >= 0 and math.isfinite(number) for number in numbers)
    )
