"""Passes that bring a captured graph to the small vocabulary every method relies on, and make it fast.

Each takes a :class:`torch.fx.GraphModule` and changes it in place. None changes what the graph computes
beyond rounding.
"""

from __future__ import annotations

import operator
from collections.abc import Callable

import torch
from torch import Tensor, fx

from pyxai.capture.calls import batch_norm, channel_affine, instance_norm, spatial_mean
from pyxai.capture.vocabulary import CONVOLUTIONS_2D, IDENTITIES

aten = torch.ops.aten

_BATCH_NORM = aten._native_batch_norm_legit_no_training.default
NORMS = frozenset({aten.batch_norm.default, aten.instance_norm.default})  # of stored moments or their own
_BY_MOMENTS_OF_THE_BATCH = {
    aten._native_batch_norm_legit.no_stats,
    aten._native_batch_norm_legit_functional.default,
}


_CASTS_AND_RESHAPES = (aten._to_copy.default, aten.to.dtype, aten.view.default, aten.expand.default)


def canonicalise(module: fx.GraphModule, barriers: frozenset[str] = frozenset()) -> None:
    """Run every pass. A node whose ``meta["layers"]`` holds a name in ``barriers`` keeps its value."""
    drop_identities(module)
    views_to_reshapes(module)
    batch_norms(module, barriers)
    instance_norms(module)
    spatial_means(module)
    adaptive_max_pools(module)
    single_pixel_convolutions(module)
    channels_last(module)
    module.graph.eliminate_dead_code()
    module.graph.lint()
    module.delete_all_unused_submodules()
    _drop_unused_tensors(module)
    module.recompile()


def drop_identities(module: fx.GraphModule) -> None:
    """Remove copies, and casts and reshapes that change nothing."""
    for node in list(module.graph.nodes):
        if node.target in IDENTITIES or (node.target in _CASTS_AND_RESHAPES and keeps_form(node)):
            _replace(node, node.args[0])


def keeps_form(node: fx.Node) -> bool:
    """Whether what a call returns has the shape, the type and the device of its first argument."""
    if not isinstance(node.args[0], fx.Node):  # vmap turns numbers into tensors
        return False
    before, after = node.args[0].meta.get("val"), node.meta.get("val")
    if not isinstance(before, Tensor) or not isinstance(after, Tensor):
        return False
    return before.shape == after.shape and before.dtype == after.dtype and before.device == after.device


def views_to_reshapes(module: fx.GraphModule) -> None:
    """A view is legal for one memory format only; the passes choose formats."""
    for node in module.graph.nodes:
        if node.target in (aten.view.default, aten._unsafe_view.default):
            node.target = aten.reshape.default


def batch_norms(module: fx.GraphModule, barriers: frozenset[str]) -> None:
    """Fold a BatchNorm into the layer whose only user it is; otherwise make it a channel affine.

    An InstanceNorm that tracks its moments is one, too. Nothing is folded where the model computes moments or
    weights when it is called.
    """
    for node in list(module.graph.nodes):
        if node.target is _BATCH_NORM:
            source, *stored, _, epsilon = node.args
        elif node.target in NORMS and not node.args[5]:
            source, *stored, _, _, epsilon, _ = node.args
        else:
            continue
        result = _first_value(node)
        if not _stored(*stored):
            _instead(result, batch_norm, source, *stored, epsilon)
            continue
        weight, bias, mean, variance = (
            None if item is None else _tensor(module, item).double() for item in stored
        )
        scale = (variance + epsilon).rsqrt() * (1 if weight is None else weight)
        shift = (0 if bias is None else bias) - mean * scale
        if _foldable(source, node, barriers):
            _fold(module, source, scale, shift)
            source.meta["layers"] = []  # the convolution's own value is gone
            _replace(result, source)
        else:
            shape = [-1] + [1] * (result.meta["val"].ndim - 2)
            dtype = result.meta["val"].dtype
            with module.graph.inserting_before(node):
                attributes = [_attribute(module, part.reshape(shape).to(dtype)) for part in (scale, shift)]
            _instead(result, channel_affine, source, *attributes)


def instance_norms(module: fx.GraphModule) -> None:
    """One form of norms by the moments of each channel of an image.

    A BatchNorm by the moments of a batch of one is such a norm: images may be folded into its channels.
    """
    for node in list(module.graph.nodes):
        if node.target is aten.instance_norm.default and node.args[5]:
            source, weight, bias, *_, epsilon, _ = node.args
        elif node.target in _BY_MOMENTS_OF_THE_BATCH and node.args[-3]:
            source, weight, bias, *_, epsilon = node.args
            if source.meta["val"].shape[0] != 1:
                continue
        else:
            continue
        _instead(_first_value(node), instance_norm, source, weight, bias, epsilon)


def _first_value(norm: fx.Node) -> fx.Node:
    """What a norm gives, the first part of it where it gives its moments, too."""
    if isinstance(norm.meta["val"], Tensor):
        return norm
    (first,) = (user for user in norm.users if user.target is operator.getitem and user.args[1] == 0)
    return first


def _instead(node: fx.Node, target: Callable, *arguments) -> None:
    """Let the users of ``node`` use a call that has the same value."""
    with node.graph.inserting_before(node):
        call = node.graph.call_function(target, arguments)
    call.meta = dict(node.meta)
    node.replace_all_uses_with(call)


def _foldable(source: fx.Node, batch_norm: fx.Node, barriers: frozenset[str]) -> bool:
    if source.target in CONVOLUTIONS_2D or (
        source.target is aten.linear.default
        and source.meta["val"].ndim == 2  # else its channels are not last
    ):
        alone = len(source.users) == 1 and batch_norm in source.users
        held = barriers.intersection(source.meta.get("layers", []))
        return alone and not held and _stored(*source.args[1:3])
    return False


def _stored(*nodes: fx.Node | None) -> bool:
    """Whether these are the model's own tensors, not computed ones (weight normalisation)."""
    return all(node is None or node.op == "get_attr" for node in nodes)


def _fold(module: fx.GraphModule, layer: fx.Node, scale: Tensor, shift: Tensor) -> None:
    weight = _tensor(module, layer.args[1])
    bias = _tensor(module, layer.args[2]).double() if len(layer.args) > 2 and layer.args[2] is not None else 0
    folded = weight.double() * scale.reshape(-1, *[1] * (weight.ndim - 1))
    with module.graph.inserting_before(layer):
        new = [_attribute(module, part.to(weight.dtype)) for part in (folded, bias * scale + shift)]
    layer.args = (layer.args[0], *new, *layer.args[3:])


def spatial_means(module: fx.GraphModule) -> None:
    """One form for means over height and width, global average pooling included."""
    for node in module.graph.nodes:
        if node.target is aten.adaptive_avg_pool2d.default and tuple(node.args[1]) == (1, 1):
            node.target, node.args = spatial_mean, (node.args[0], [-2, -1], True)
        elif (
            node.target is aten.mean.dim
            and node.args[1]
            and len(node.args) < 4
            and not node.kwargs.get("dtype")
        ):
            keepdim = bool(node.args[2]) if len(node.args) > 2 else bool(node.kwargs.get("keepdim"))
            node.target, node.args, node.kwargs = (
                spatial_mean,
                (node.args[0], list(node.args[1]), keepdim),
                {},
            )


def adaptive_max_pools(module: fx.GraphModule) -> None:
    """Those whose windows are all alike, as the global one's, become ordinary ones."""
    for node in list(module.graph.nodes):
        if node.target is not aten.adaptive_max_pool2d.default:
            continue
        source, counts = node.args
        sizes, (values, *indices) = source.meta["val"].shape[-2:], node.users
        uneven = any(size % count for size, count in zip(sizes, counts, strict=True))
        if uneven or indices or values.args[1] != 0:  # else it is asked where the maxima are
            continue
        window = [size // count for size, count in zip(sizes, counts, strict=True)]
        with module.graph.inserting_before(node):
            pool = module.graph.call_function(aten.max_pool2d.default, (source, window, window))
        pool.meta = dict(values.meta)
        values.replace_all_uses_with(pool)


def single_pixel_convolutions(module: fx.GraphModule) -> None:
    """A 1 × 1 convolution of a 1 × 1 map, as squeeze-excitation has, costs a third as a linear layer."""
    for node in list(module.graph.nodes):
        if node.target not in CONVOLUTIONS_2D or not _stored(*node.args[1:3]):
            continue
        weight, (maps, _, *rest) = _tensor(module, node.args[1]), node.args
        groups = rest[4] if len(rest) > 4 else 1
        one_by_one = weight.shape[2:] == maps.meta["val"].shape[2:] == node.meta["val"].shape[2:] == (1, 1)
        if not one_by_one or groups != 1:
            continue
        value = node.meta["val"]
        with module.graph.inserting_before(node):
            pixels = module.graph.call_function(aten.flatten.using_ints, (maps, 1))
            matrix = _attribute(module, weight.flatten(1))
            linear = module.graph.call_function(aten.linear.default, (pixels, matrix, *rest[:1]))
            column = module.graph.call_function(aten.unsqueeze.default, (linear, -1))
        pixels.meta = dict(maps.meta, val=maps.meta["val"].flatten(1), layers=[])
        linear.meta = dict(node.meta, val=value.flatten(1), layers=[], kind="convolution")
        column.meta = dict(node.meta, val=value.flatten(1).unsqueeze(-1), layers=[])
        node.target, node.args = aten.unsqueeze.default, (column, -1)


def channels_last(module: fx.GraphModule) -> None:
    """Store convolution weights channels last, so that convolutions read and write that format."""
    for node in module.graph.nodes:
        if node.target in CONVOLUTIONS_2D and node.args[1].op == "get_attr":
            weight = _tensor(module, node.args[1])
            setattr(module, node.args[1].target, weight.contiguous(memory_format=torch.channels_last))


def _tensor(module: fx.GraphModule, node: fx.Node) -> Tensor:
    return getattr(module, node.target)


def _attribute(module: fx.GraphModule, value: Tensor) -> fx.Node:
    name = f"folded_{sum(1 for key in module._buffers if key.startswith('folded_'))}"
    module.register_buffer(name, value)
    node = module.graph.get_attr(name)
    node.meta["val"] = value.to("meta")  # what is known of it, without holding it
    return node


def _replace(node: fx.Node, by: fx.Node) -> None:
    """Let the users of ``node`` use ``by``, which has the same value, and pass its layer names on."""
    by.meta["layers"] = [*by.meta.get("layers", []), *node.meta.get("layers", [])]
    node.replace_all_uses_with(by)
    node.graph.erase_node(node)


def _drop_unused_tensors(module: fx.GraphModule) -> None:
    used = {node.target for node in module.graph.nodes if node.op == "get_attr"}
    for name in [name for name in module._buffers if name not in used]:
        delattr(module, name)
