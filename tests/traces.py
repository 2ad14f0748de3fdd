"""What torch.export makes of a network, shared by the tests of a process.

A trace takes longer than most of what a test does with it, and depends on the code, the plain attributes and
the shapes of a network, never on its values. So networks that agree in these share one, and each has its own
values in it. Where agreement cannot be seen (other attributes, hooks, classes within functions) every
capture traces, and in `tests/capture` anyway. Our part of the capture, from the trace on, is never shared.
"""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Callable, Hashable
from types import BuiltinFunctionType, FunctionType, SimpleNamespace

import torch
from torch import Tensor, nn

PLAIN = (type(None), bool, int, float, complex, str, torch.dtype, torch.device)
KEPT = 400  # traces: some megabytes


class Unlike(Exception):
    """Whether another network agrees cannot be seen."""


def plain(value: object) -> Hashable:
    if isinstance(value, PLAIN):
        return type(value), value  # 1, 1.0 and True are equal
    if isinstance(value, BuiltinFunctionType) or (isinstance(value, FunctionType) and not value.__closure__):
        return value
    if isinstance(value, tuple | list):
        return type(value).__name__, *map(plain, value)
    if isinstance(value, dict | set | OrderedDict) and not value:
        return ()
    raise Unlike


def tensor(value: Tensor | None, seen: dict[int, int]) -> Hashable:
    if value is None:
        return None
    if type(value) not in (Tensor, nn.Parameter):
        raise Unlike
    place = seen.setdefault(id(value), len(seen))  # one tensor may have several names
    return place, value.shape, value.stride(), value.dtype, value.device, value.requires_grad


def module(value: nn.Module, seen: dict[int, int]) -> Hashable:
    """All of a module that is not its submodules."""
    cls = type(value)
    if getattr(sys.modules[cls.__module__], cls.__qualname__, None) is not cls:
        raise Unlike
    parts = [cls, seen.setdefault(id(value), len(seen))]
    for name, entry in sorted(vars(value).items()):
        if name in ("_parameters", "_buffers"):
            parts.append((name, *((key, tensor(own, seen)) for key, own in entry.items())))
        elif name == "_non_persistent_buffers_set":
            parts.append((name, *sorted(entry)))
        elif name != "_modules":
            parts.append((name, plain(entry)))
    return tuple(parts)


def likeness(classifier: nn.Module, example: Tensor, dynamic: dict | None) -> Hashable:
    """Equal for two captures that have one trace."""
    seen: dict[int, int] = {}
    modules = classifier.named_modules(remove_duplicate=False)
    parts = tuple((name, module(part, seen)) for name, part in modules)
    modes = torch.is_autocast_enabled("cpu"), torch.is_inference_mode_enabled(), torch.get_default_dtype()
    return parts, example.shape, example.dtype, example.device, dynamic is None, modes


def tensors(classifier: nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers by every name they have."""
    return {
        **dict(classifier.named_parameters(remove_duplicate=False)),
        **dict(classifier.named_buffers(remove_duplicate=False)),
    }


def shared(trace: Callable) -> Callable:
    """`trace`, which is `export._trace`, with its results kept."""
    kept: OrderedDict[Hashable, SimpleNamespace] = OrderedDict()

    def call(classifier: nn.Module, example: Tensor, dynamic: dict | None):
        try:
            key = likeness(classifier, example, dynamic)
        except Unlike:
            return trace(classifier, example, dynamic)
        own = tensors(classifier)
        if key not in kept:
            program = trace(classifier, example, dynamic)
            values = {**program.state_dict, **program.constants}
            constants = {name: value for name, value in values.items() if name not in own}
            kept[key] = SimpleNamespace(
                graph=program.graph, graph_signature=program.graph_signature, constants=constants
            )
            if len(kept) > KEPT:
                kept.popitem(last=False)
        return SimpleNamespace(**vars(kept[key]), state_dict=own)

    return call
