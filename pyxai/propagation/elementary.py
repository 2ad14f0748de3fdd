"""A captured graph in smaller parts, for methods that walk it operation by operation."""

from __future__ import annotations

import math
import operator

import torch
from torch import fx

from pyxai.capture.calls import result
from pyxai.capture.split import copy
from pyxai.capture.vocabulary import PADS

aten = torch.ops.aten
_ATTENTION = aten.scaled_dot_product_attention.default


def elementary(module: fx.GraphModule) -> fx.GraphModule:
    """A copy of ``module`` that shares its tensors, in which every call returns one tensor.

    Splits become slices, a maximum is without its index, max pools of rows become those of planes, fused
    attention becomes its two products and a softmax, a norm without powers the sum or the largest of absolute
    values, and a pad with other numbers than zero a pad with zeros and a sum. It computes the same up to
    rounding, and so does its derivative, also between equal maxima.
    """
    parts = copy(module)
    for node in list(parts.graph.nodes):
        if node.target is operator.getitem:
            whole, index = node.args
            _PARTS.get(whole.target, _single)(node, whole, index)
        elif node.target is aten.max_pool1d.default:
            _row_pool(node, node)
        elif node.target is aten.linalg_vector_norm.default and (*node.args, 2)[1] in _NORMS:
            _norm(node)
        elif node.target in PADS and _pad_value(node):
            _border(parts, node)
        elif node.target is _ATTENTION and not node.kwargs.get("enable_gqa"):
            _attention(node)
    parts.graph.eliminate_dead_code()
    parts.graph.lint()
    parts.recompile()
    return parts


def _single(part: fx.Node, whole: fx.Node, index: int) -> None:
    _replace(part, result(whole.target, index), whole.args, whole.kwargs)


def _split(part: fx.Node, whole: fx.Node, index: int) -> None:
    source, size, dim = (*whole.args, 0)[:3]
    if isinstance(size, fx.Node):  # a part of the images, whose number is not known
        with part.graph.inserting_before(part):
            start, stop = (part.graph.call_function(operator.mul, (size, i)) for i in (index, index + 1))
    elif isinstance(size, int):
        start, stop = index * size, (index + 1) * size
    else:
        start, stop = sum(size[:index]), sum(size[: index + 1])
    _replace(part, aten.slice.Tensor, (source, dim, start, stop))


def _unbind(part: fx.Node, whole: fx.Node, index: int) -> None:
    source, dim = (*whole.args, 0)[:2]
    _replace(part, aten.select.int, (source, dim, index))


def _extreme(part: fx.Node, whole: fx.Node, index: int) -> None:
    """Both of ``aminmax`` share their derivative out between equal values, as ``amin`` and ``amax`` do."""
    dim = whole.kwargs.get("dim")
    arguments = whole.args[0], [] if dim is None else [dim], whole.kwargs.get("keepdim", False)
    _replace(part, (aten.amin.default, aten.amax.default)[index], arguments)


def _row_pool(part: fx.Node, whole: fx.Node, index: int = 0) -> None:
    """A max pool of rows as that of planes of one row, which torch's own derivative of it is."""
    if index:  # where the maxima are
        return _single(part, whole, index)
    source, *window = whole.args
    plane = _call(part, aten.unsqueeze.default, source, -2)
    if whole.target is aten.adaptive_max_pool1d.default:
        pooled = _call(part, result(aten.adaptive_max_pool2d.default, 0), plane, [1, *window[0]])
    else:  # size, stride, padding and dilation of the window; without a stride it is the size
        sizes = zip((1, 1, 0, 1), window[:4], strict=False)
        sizes = [[one_row, *size] if size else [] for one_row, size in sizes]
        pooled = _call(part, aten.max_pool2d.default, plane, *sizes, *window[4:])
    _replace(part, aten.squeeze.dim, (pooled, -2))


_PARTS = {
    aten.adaptive_max_pool1d.default: _row_pool,
    aten.aminmax.default: _extreme,
    aten.max_pool1d_with_indices.default: _row_pool,
    aten.split.Tensor: _split,
    aten.split_with_sizes.default: _split,
    aten.unbind.int: _unbind,
}


def _replace(node: fx.Node, target, arguments: tuple, settings: dict | None = None) -> fx.Node:
    with node.graph.inserting_before(node):
        new = node.graph.call_function(target, arguments, settings)
    new.meta = dict(node.meta)
    node.replace_all_uses_with(new)
    node.graph.erase_node(node)
    return new


def _call(node: fx.Node, target, *arguments, **settings) -> fx.Node:
    """A new call before ``node``, in the module that makes it."""
    with node.graph.inserting_before(node):
        new = node.graph.call_function(target, arguments, settings)
    values, settings = fx.node.map_arg((arguments, settings), lambda source: source.meta["val"])
    new.meta = {key: node.meta[key] for key in ("nn_module_stack",) if key in node.meta}
    new.meta["val"] = target(*values, **settings)
    return new


_NORMS = {1: aten.sum.dim_IntList, math.inf: aten.amax.default, -math.inf: aten.amin.default}


def _norm(node: fx.Node) -> None:
    """The sum, the largest or the smallest of absolute values."""
    source, power, *axes = node.args
    sizes = _call(node, aten.abs.default, source)
    _replace(node, _NORMS[power], (sizes, *axes), node.kwargs)


def _pad_value(node: fx.Node) -> float:
    """What a constant pad puts round its source; 0 for other modes."""
    if node.target is aten.constant_pad_nd.default:
        return (*node.args, 0)[2] or 0
    mode, value = (*node.args[2:], *("constant", None)[len(node.args) - 2 :])
    return node.kwargs.get("value", value) or 0 if node.kwargs.get("mode", mode) == "constant" else 0


def _border(parts: fx.GraphModule, node: fx.Node) -> None:
    """Pad with zeros and add the border, which is no part of the source.

    An infinite one, of which a maximum takes nothing, becomes the largest finite number of its sign, so that
    no sum has infinite addends: nothing times infinity were no number.
    """
    source, pad = node.args[:2]
    shape = source.meta["val"].shape[1:]
    if len(pad) > 2 * len(shape) or not all(isinstance(size, int) for size in (*shape, *pad)):
        return
    value = source.meta["val"]
    zeros = torch.zeros((1, *shape), dtype=value.dtype, device=value.device)
    name = f"border_{node.name}"
    with torch.no_grad():
        values = aten.constant_pad_nd.default(zeros, pad, _pad_value(node))
        parts.register_buffer(name, torch.nan_to_num(values, nan=math.nan))
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
    weight = _call(node, aten.matmul.default, query, _call(node, aten.transpose.int, key, -2, -1))
    weight = _call(node, aten.mul.Tensor, weight, scale)
    if mask is not None and mask.meta["val"].dtype != torch.bool:
        weight = _call(node, aten.add.Tensor, weight, mask)
    elif mask is not None or causal or node.kwargs.get("is_causal"):
        scores = weight.meta["val"]
        kind = {"dtype": scores.dtype, "device": scores.device}
        if mask is None:  # each query keeps the keys up to its own position
            mask = _call(node, aten.tril.default, _call(node, aten.ones.default, scores.shape[-2:], **kind))
            mask = _call(node, aten.gt.Scalar, mask, 0)
        nothing = _call(node, aten.scalar_tensor.default, -math.inf, **kind)
        weight = _call(node, aten.where.self, mask, weight, nothing)
    # a query whose keys a mask takes all gets zeros
    softmax = aten.softmax.int if mask is None else aten._safe_softmax.default
    _replace(node, aten.matmul.default, (_call(node, softmax, weight, -1), value))
