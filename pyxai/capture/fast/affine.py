"""Finds the affine layers a graph begins with and splits it behind them."""

from __future__ import annotations

import torch
from torch import Tensor, fx

from pyxai.capture.calls import spatial_mean
from pyxai.capture.split import before, behind
from pyxai.capture.vocabulary import (
    AFFINE,
    AVERAGE_POOLS_2D,
    CONVOLUTIONS_2D,
    JOINS,
    PADS,
    PERMUTATIONS,
    RESHAPES,
    SIZES,
    SUMS,
)

aten = torch.ops.aten

# Below this many multiplications for each output value the layers cost less than reading their output again
# at every step: a 7x7 stem of a ResNet has 147 and gains a tenth, the 3x3 one of a VGG has 27 and loses.
WORTHWHILE = 64

_LINEAR_IN_FIRST = (
    CONVOLUTIONS_2D
    | AFFINE
    | AVERAGE_POOLS_2D
    | PADS
    | PERMUTATIONS
    | RESHAPES
    | {
        aten.linear.default,
        spatial_mean,
        aten.slice.Tensor,
        aten.select.int,
        aten.flip.default,
        aten.expand.default,
        aten.neg.default,
    }
)
_SUMS = SUMS | JOINS
_PRODUCTS = frozenset({aten.mul.Tensor, aten.div.Tensor})


def split_stem(module: fx.GraphModule) -> tuple[fx.GraphModule, fx.GraphModule] | None:
    """The affine layers and the rest of ``module``, as two modules sharing its tensors.

    None where there are none, where they do not end in one tensor with the batch first, or where running them
    apart does not pay.
    """
    images = next(node for node in module.graph.nodes if node.op == "placeholder")
    varying, affine = _classify(module, images)
    frontier = [node for node in affine if any(user not in affine and user in varying for user in node.users)]
    end = next(node for node in module.graph.nodes if node.op == "output").args[0]
    if len(frontier) != 1 or end in affine or frontier[0] is images:
        return None
    (cut,) = frontier
    value = cut.meta.get("val")
    batch_first = (
        isinstance(value, Tensor) and value.ndim > 1 and value.shape[0] == images.meta["val"].shape[0]
    )
    if not batch_first or _multiplications_a_value(affine, cut) < WORTHWHILE:
        return None
    return before(module, cut), behind(module, cut)


def _classify(module: fx.GraphModule, images: fx.Node) -> tuple[set[fx.Node], dict[fx.Node, None]]:
    """Nodes whose value depends on the images' pixels, and those of them (in order) that do so affinely."""
    varying, affine = {images}, {images: None}
    for node in module.graph.nodes:
        if node.target in SIZES or not varying.intersection(node.all_input_nodes):
            continue
        varying.add(node)
        if node.op == "call_function" and all(
            source in affine for source in node.all_input_nodes if source in varying
        ):
            pixels = [source for source in node.all_input_nodes if source in varying]
            first = node.args[0] if node.args else None
            if (
                (node.target in _LINEAR_IN_FIRST and pixels == [first])
                or node.target in _SUMS
                or (node.target in _PRODUCTS and pixels == [first] and first not in node.args[1:])
            ):
                affine[node] = None
    return varying, affine


def _multiplications_a_value(affine, cut: fx.Node) -> float:
    total = 0
    for node in affine:
        if node.target in CONVOLUTIONS_2D | {aten.linear.default}:
            weight = node.args[1].meta["val"]
            total += weight[0].numel() * node.meta["val"][0].numel()
    return total / max(1, cut.meta["val"][0].numel())
