"""The attention blocks of a captured graph, found by what they compute."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx

from pyxai.capture.export import module_path
from pyxai.capture.grid import Layout, Survey
from pyxai.capture.rows import channels_last
from pyxai.capture.split import beside
from pyxai.capture.vocabulary import (
    CREATIONS,
    DENSE,
    MATRIX_PRODUCTS,
    PERMUTATIONS,
    RESHAPES,
    SCALES,
    SELECTIONS,
    SIZES,
    SOFTMAXES,
    SUMS,
)

aten = torch.ops.aten

FUSED = aten.scaled_dot_product_attention.default
_UNCHANGED = RESHAPES | {aten.expand.default, aten._to_copy.default}  # between a softmax and its product
_OF_SCORES = (
    _UNCHANGED | SUMS | SCALES | SELECTIONS
)  # between a product and its softmax: scales, biases, masks


@dataclass(frozen=True, eq=False)
class AttentionBlock:
    """softmax(q kᵀ · scale + bias) v: a fused call, or a softmax between two products.

    Attributes:
        module: dotted name of the module that computes it.
        heads: how many attentions there are beside each other.
        head_size: entries of a value.
        queries, keys: how many tokens look, and are looked at, in a window.
        windows: how many windows an image is taken apart into, none of which sees another; 1 where the block
            sees all of the image.
        layout: where the keys lie over the image; those that it leaves out are class tokens and registers.
            None where that cannot be told, as of windows.
        query, key, value: nodes of the graph. The key is as the product takes it where that is no transpose
            of another value.
        weights: the node of what the softmax gives; None of a fused call.
        product: the node of what each query is given by each head.
        projection: the node of the first linear layer behind it; None where there is none.
        image_axis: where these nodes have the images, alone or with the heads behind them.
    """

    module: str
    heads: int
    head_size: int
    queries: int
    keys: int
    windows: int
    layout: Layout | None
    query: fx.Node
    key: fx.Node
    value: fx.Node
    weights: fx.Node | None
    product: fx.Node
    projection: fx.Node | None
    image_axis: int

    @property
    def prefix(self) -> int:
        """How many of the keys lie nowhere in the image: class tokens and registers."""
        return 0 if self.layout is None else self.keys - len(self.layout.tokens)

    @property
    def among_themselves(self) -> bool:
        """Whether all tokens of an image look at each other, as in the blocks of an encoder."""
        return self.windows == 1 and self.queries == self.keys

    def by_head(self, values: Tensor, images: int) -> Tensor:
        """What the graph has for the block's query, value, weights or product, as (images, heads, …, …).

        Args:
            values: of a block with one window. Where heads share values, each gets its own.
        """
        values = values.movedim(self.image_axis, 0)
        values = values.reshape(images, -1, *values.shape[-2:])
        shared = self.heads // values.shape[1]
        return values if shared == 1 else values.repeat_interleave(shared, 1)

    def info(self) -> dict[str, Any]:
        """What was found, in plain values."""
        return {
            "module": self.module,
            "heads": self.heads,
            "head_size": self.head_size,
            "queries": self.queries,
            "keys": self.keys,
            "windows": self.windows,
            "grid": None if self.layout is None else list(self.layout.size),
            "outside_grid": self.prefix,
            "fused": self.weights is None,
        }


@dataclass(frozen=True)
class AttentionParts:
    """The nodes of a block; see :class:`AttentionBlock`."""

    query: fx.Node
    key: fx.Node
    value: fx.Node
    weights: fx.Node | None
    product: fx.Node


def attention_blocks(module: fx.GraphModule, survey: Survey) -> tuple[AttentionBlock, ...]:
    """The attention blocks of a graph in order.

    How many heads, tokens and windows there are is told by what the nodes have for images that are tried.

    Args:
        module: a canonical graph, or one in smaller parts.
        survey: of the model.
    """
    found = list(attention_parts(module.graph))
    if not found:
        return ()
    images = survey.halves
    with torch.no_grad():
        seen = beside(
            module, [node for parts in found for node in (parts.value, parts.product)], scores=False
        )
        values = iter(seen(channels_last(images)))
    blocks: list[AttentionBlock] = []
    for parts in found:
        blocks.append(_block(parts, next(values), next(values), survey, blocks))
    return tuple(blocks)


def attention_parts(graph: fx.Graph) -> Iterator[AttentionParts]:
    """The nodes of each attention block, in order."""
    varying = varying_nodes(graph)
    for node in graph.nodes:
        if node not in varying:
            continue
        if node.target is FUSED:
            yield AttentionParts(*node.args[:3], None, node)
        elif node.target in SOFTMAXES and node.args[1] in (-1, node.meta["val"].ndim - 1):
            product, scores = _product_behind(node), _product_before(node, varying)
            if product is not None and scores is not None and product.args[1] in varying:
                yield AttentionParts(
                    scores.args[0], _transposed(scores.args[1]), product.args[1], node, product
                )


def varying_nodes(graph: fx.Graph) -> set[fx.Node]:
    """The nodes whose values depend on the images' pixels."""
    varying = set(graph.find_nodes(op="placeholder")[:1])
    for node in graph.nodes:
        if node.target not in SIZES | CREATIONS and varying.intersection(node.all_input_nodes):
            varying.add(node)
    return varying


def _product_behind(softmax: fx.Node) -> fx.Node | None:
    """The product whose first factor is what a softmax gives."""
    for user in softmax.users:
        if user.target in MATRIX_PRODUCTS and user.args[0] is softmax:
            return user
        product = _product_behind(user) if user.target in _UNCHANGED else None
        if product is not None:
            return product
    return None


def _product_before(node: fx.Node, varying: set[fx.Node]) -> fx.Node | None:
    """The product that a softmax is of, with keys of the images; a pooler's query is the same for all."""
    for source in node.all_input_nodes:
        if source.target in MATRIX_PRODUCTS and source.args[1] in varying:
            return source
        product = _product_before(source, varying) if source.target in _OF_SCORES else None
        if product is not None:
            return product
    return None


def _transposed(key: fx.Node) -> fx.Node:
    """What a product's second factor is the transpose of; itself where it is none of another value."""
    axes = key.meta["val"].ndim
    swapped = [*range(axes - 2), axes - 1, axes - 2]
    if key.target is aten.permute.default:
        return key.args[0] if [axis % axes for axis in key.args[1]] == swapped else key
    if key.target is aten.transpose.int:
        return key.args[0] if {axis % axes for axis in key.args[1:]} == {axes - 1, axes - 2} else key
    return key


def _block(
    parts: AttentionParts, value: Tensor, product: Tensor, survey: Survey, before: list[AttentionBlock]
) -> AttentionBlock:
    images, (*lead, queries, _) = len(survey.halves), product.shape
    axis = 1 if len(lead) > 1 and lead[0] % images and lead[1] == images else 0
    heads = lead[0] // images if len(lead) == 1 else lead[0] if axis else lead[-1]
    windows = math.prod(lead) // (images * heads)
    *_, keys, head_size = value.shape
    layout = None
    if windows == 1:
        known = (block.layout for block in before if block.windows == 1 and block.keys == keys)
        tokens = value.movedim(axis, 0).reshape(images, -1, keys, head_size).transpose(1, 2).flatten(2)
        sizes = _sizes_before(parts.value, survey.image.ndim)
        layout = next(known, None) or survey.tokens(tokens, sizes)
    where = parts.product if parts.weights is None else parts.weights
    return AttentionBlock(
        module=module_path(where),
        heads=heads,
        head_size=head_size,
        queries=queries,
        keys=keys,
        windows=windows,
        layout=layout,
        query=parts.query,
        key=parts.key,
        value=parts.value,
        weights=parts.weights,
        product=parts.product,
        projection=_projection(parts.product),
        image_axis=axis,
    )


def _sizes_before(node: fx.Node, axes: int) -> list[tuple[int, ...]]:
    """Sizes of the maps that a graph has before a node, channels first or last, each once."""
    sizes: dict[tuple[int, ...], None] = {}
    for other in node.graph.nodes:
        if other is node:
            break
        value = other.meta.get("val")
        if other.op == "call_function" and isinstance(value, Tensor) and value.ndim == axes:
            for places in (value.shape[2:], value.shape[1:-1]):
                if all(isinstance(side, int) for side in places):
                    sizes[tuple(places)] = None
    return list(sizes)


def _projection(product: fx.Node) -> fx.Node | None:
    """The first linear layer with weights of the model's that a block's result goes into."""
    behind = {product}
    for node in product.graph.nodes:
        if behind.intersection(node.all_input_nodes):
            weight = node.args[1] if node.target in DENSE else None
            while isinstance(weight, fx.Node) and weight.target in PERMUTATIONS:
                weight = weight.args[0]
            if isinstance(weight, fx.Node) and weight.op == "get_attr":
                return node
            behind.add(node)
    return None
