"""A captured graph in smaller parts, for methods that walk it operation by operation."""

from __future__ import annotations

import math
import operator

import torch
from torch import Tensor, fx

from pyxai.capture.split import copy
from pyxai.capture.vocabulary import PADS

aten = torch.ops.aten
_ATTENTION = aten.scaled_dot_product_attention.default


def elementary(module: fx.GraphModule) -> fx.GraphModule:
    """A copy of ``module`` that shares its tensors, in which every call returns one tensor.

    Splits become slices, a maximum is without its index, fused attention becomes its two products and a
    softmax, and a pad with other numbers than zero a pad with zeros and a sum. It computes the same up to
    rounding.
    """
    parts = copy(module)
    for node in list(parts.graph.nodes):
        if node.target is operator.getitem and node.args[0].target in _PARTS:
            part = _PARTS[node.args[0].target](*node.args)
            if part is not None:
                _replace(node, *part)
        elif node.target in PADS and _pad_value(node):
            _border(parts, node)
        elif node.target is _ATTENTION and not node.kwargs.get("enable_gqa"):
            _attention(node)
    parts.graph.eliminate_dead_code()
    parts.graph.lint()
    parts.recompile()
    return parts


def _split(node: fx.Node, index: int) -> tuple:
    source, size, dim = (*node.args, 0)[:3]
    if isinstance(size, fx.Node):  # a part of the images, whose number is not known
        with node.graph.inserting_before(node):
            start, stop = (node.graph.call_function(operator.mul, (size, i)) for i in (index, index + 1))
    elif isinstance(size, int):
        start, stop = index * size, (index + 1) * size
    else:
        start, stop = sum(size[:index]), sum(size[: index + 1])
    return aten.slice.Tensor, (source, dim, start, stop)


def _largest(node: fx.Node, index: int) -> tuple | None:
    source, dim, *keepdim = node.args
    return None if index else (aten.amax.default, (source, [dim], *keepdim))


def _unbind(node: fx.Node, index: int) -> tuple:
    source, dim = (*node.args, 0)[:2]
    return aten.select.int, (source, dim, index)


_PARTS = {
    aten.max.dim: _largest,
    aten.split.Tensor: _split,
    aten.split_with_sizes.default: _split,
    aten.unbind.int: _unbind,
}


def _replace(node: fx.Node, target, arguments: tuple) -> fx.Node:
    with node.graph.inserting_before(node):
        new = node.graph.call_function(target, arguments)
    new.meta = dict(node.meta)
    node.replace_all_uses_with(new)
    node.graph.erase_node(node)
    return new


def _pad_value(node: fx.Node) -> float:
    """What a constant pad puts round its source; 0 for other modes."""
    if node.target is aten.constant_pad_nd.default:
        return (*node.args, 0)[2] or 0
    mode, value = (*node.args[2:], *("constant", None)[len(node.args) - 2 :])
    return node.kwargs.get("value", value) or 0 if node.kwargs.get("mode", mode) == "constant" else 0


def _border(parts: fx.GraphModule, node: fx.Node) -> None:
    """Pad with zeros and add the border, which is no part of the source."""
    source, pad = node.args[:2]
    shape = source.meta["val"].shape[1:]
    if len(pad) > 2 * len(shape) or not all(isinstance(size, int) for size in (*shape, *pad)):
        return
    value = source.meta["val"]
    zeros = torch.zeros((1, *shape), dtype=value.dtype, device=value.device)
    name = f"border_{node.name}"
    with torch.no_grad():
        parts.register_buffer(name, aten.constant_pad_nd.default(zeros, pad, _pad_value(node)))
    with node.graph.inserting_before(node):
        border = node.graph.get_attr(name)
        border.meta["val"] = getattr(parts, name).to("meta")
        padded = node.graph.call_function(aten.constant_pad_nd.default, (source, pad, 0))
    padded.meta = dict(node.meta)
    _replace(node, aten.add.Tensor, (padded, border))


def _attention(node: fx.Node) -> None:
    """softmax(q kᵀ / √d + mask) v."""
    defaults = (None, None, None, None, 0.0, False)
    query, key, value, mask, _, causal = (*node.args, *defaults[len(node.args) :])
    mask = node.kwargs.get("attn_mask", mask)
    scale = node.kwargs.get("scale") or 1 / math.sqrt(query.meta["val"].shape[-1])
    graph, meta = node.graph, {key: node.meta[key] for key in ("nn_module_stack",) if key in node.meta}

    def call(target, *arguments, **settings):
        new = graph.call_function(target, arguments, settings)
        new.meta = meta | {"val": _shape(new)}
        return new

    with graph.inserting_before(node):
        weight = call(aten.matmul.default, query, call(aten.transpose.int, key, -2, -1))
        weight = call(aten.mul.Tensor, weight, scale)
        if mask is not None and mask.meta["val"].dtype != torch.bool:
            weight = call(aten.add.Tensor, weight, mask)
        elif mask is not None or causal or node.kwargs.get("is_causal"):
            scores = weight.meta["val"]
            kind = {"dtype": scores.dtype, "device": scores.device}
            if mask is None:  # each query keeps the keys up to its own position
                mask = call(aten.tril.default, call(aten.ones.default, scores.shape[-2:], **kind))
                mask = call(aten.gt.Scalar, mask, 0)
            nothing = call(aten.scalar_tensor.default, -math.inf, **kind)
            weight = call(aten.where.self, mask, weight, nothing)
        # a query whose keys a mask takes all gets zeros
        weight = call(aten.softmax.int if mask is None else aten._safe_softmax.default, weight, -1)
    _replace(node, aten.matmul.default, (weight, value))


def _shape(node: fx.Node) -> Tensor:
    """The fake value of a call, from those of its arguments."""
    arguments = fx.node.map_arg(node.args, lambda source: source.meta["val"])
    return node.target(*arguments, **node.kwargs)
