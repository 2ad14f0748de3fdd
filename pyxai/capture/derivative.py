"""Whether a derivative leads from the pixels to the scores, and where it ends if none does.

Of a captured graph its operations tell. Of a model that runs as it is the graph that autograd made tells, in
which a block under ``torch.no_grad()`` has no part and functions may have a backward of their own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.autograd.function import BackwardCFunction
from torch.utils._pytree import tree_leaves

from pyxai.capture.export import module_path, operation
from pyxai.capture.vocabulary import CREATIONS, FLAT, LOG_SOFTMAXES, SOFTMAXES

aten = torch.ops.aten

_OWN = "the model's own forward"
_ROUNDED = frozenset({aten.div.Tensor_mode, aten.div.Scalar_mode})
# What autograd calls the operations of FLAT that it has a (zero) derivative of, and those it has none of.
_FLAT_NAMES = {f"{target.overloadpacket.__name__}backward" for target in FLAT}
_NO_DERIVATIVE = {"torch::autograd::notimplemented", "torch::autograd::warnnotimplemented"}


def is_flat(node: fx.Node) -> bool:
    """Whether a call has no derivative by what it is made of, or one that is zero wherever there is one."""
    if node.target in FLAT | CREATIONS:
        return not (node.target is aten.sgn.default and node.meta["val"].is_complex())  # z / |z| turns with z
    if node.target in _ROUNDED and node.kwargs.get("rounding_mode"):
        return True
    value = node.meta.get("val")
    if node.target in SOFTMAXES | LOG_SOFTMAXES and value.shape[node.args[1]] == 1:
        return True  # of one number
    if isinstance(value, Tensor):
        return not (value.is_floating_point() or value.is_complex())
    return not isinstance(value, (tuple, list))  # a size


def dead_ends(graph: fx.Graph, own: str = _OWN) -> list[str] | None:
    """Where the derivative of a graph's output ends on its way to the images, None where it gets there.

    Args:
        own: what an operation that no module holds stands in.
    """
    images = next(node for node in graph.nodes if node.op == "placeholder")
    varying = {images}
    for node in graph.nodes:
        valued = isinstance(node.meta.get("val"), (Tensor, tuple, list)) and node.target not in CREATIONS
        if valued and varying.intersection(node.all_input_nodes):
            varying.add(node)
    ends, seen, ahead = [], set(), [list(graph.nodes)[-1].args[0]]
    while ahead:
        node = ahead.pop()
        if node is images:
            return None
        if node in seen or node not in varying:
            continue
        seen.add(node)
        smooth = any(source is images or not is_flat(source) for source in node.all_input_nodes)
        if is_flat(node) and smooth:
            ends.append(f"`{operation(node)}` in {_quoted(module_path(node)) or own}")
        else:  # what is made of whole numbers is not the place, but what they are made by
            ahead.extend(node.all_input_nodes)
    return list(dict.fromkeys(ends))


def no_gradient(ends: list[str]) -> ValueError:
    """The error for scores that no derivative leads to from the pixels."""
    if not ends:
        return ValueError("what is explained must depend on the images' pixels, got a constant")
    places = " and ".join([", ".join(ends[:3]), *(["others"] if len(ends) > 3 else [])])
    return ValueError(
        f"`model` must have a gradient by the pixels for this method, got none through {places}"
    )


def is_connected(value: Tensor, leaf: Tensor, own: bool = False) -> bool:
    """Whether autograd would send a derivative of ``value`` to ``leaf`` that need not be zero.

    Args:
        own: whether functions with a backward of their own count as ones that send nothing.
    """
    ahead, seen = [value.grad_fn], set()
    while ahead:
        node = ahead.pop()
        if node is None or node in seen:
            continue
        if getattr(node, "variable", None) is leaf:
            return True
        seen.add(node)
        if not _sends_nothing(node, own):
            ahead.extend(source for source, _ in node.next_functions)
    return False


def _sends_nothing(node: torch.autograd.graph.Node, own: bool) -> bool:
    name = node.name().lower().rstrip("0123456789")
    if name in _FLAT_NAMES | _NO_DERIVATIVE or getattr(node, "_saved_rounding_mode", None):
        return not (name == "sgnbackward" and node._saved_self.is_complex())
    return own and isinstance(node, BackwardCFunction)


def where_it_ends(model: nn.Module, function: Callable[[Tensor], Tensor], images: Tensor) -> list[str]:
    """The innermost call of a module of ``model`` that no derivative by the pixels passes, in words.

    Args:
        function: what calls the model with images.
    """
    for own in (False, True):
        lost = _losing_calls(model, function, images, own)
        inner = [name for name in lost if not any(other.startswith(f"{name}.") for other in lost if name)]
        inner = [name for name in inner if name] or list(lost)
        if inner:  # a call before the last may be of what needs none, a table of positions say
            return [lost[inner[-1]]]
    return [_OWN]


def _losing_calls(
    model: nn.Module, function: Callable[[Tensor], Tensor], images: Tensor, own: bool
) -> dict[str, str]:
    """Name to description of the modules that are given what has a derivative and return what has none."""
    leaf = images.detach().clone().requires_grad_(True)
    thread, found = threading.get_ident(), {}

    def connected(values: Any) -> bool:
        tensors = (value for value in tree_leaves(values) if isinstance(value, Tensor))
        return any(is_connected(tensor, leaf, own) for tensor in tensors)

    def look(name: str, module: nn.Module, arguments: tuple, settings: dict, value: Any) -> None:
        if threading.get_ident() == thread and connected((arguments, settings)) and not connected(value):
            quiet = "" if torch.is_grad_enabled() else " under torch.no_grad()"
            kind = module._get_name()
            found[name] = f"`{name}` ({kind}){quiet}" if name else f"{_OWN}{quiet}"

    hooks = []
    try:
        for name, module in model.named_modules():
            if not isinstance(module, torch.jit.ScriptModule):  # which take no hooks
                hooks.append(module.register_forward_hook(partial(look, name), with_kwargs=True))
        with torch.enable_grad():
            function(leaf.clone())
    finally:
        for hook in hooks:
            hook.remove()
    return found


def _quoted(module: str) -> str:
    return module and f"`{module}`"
