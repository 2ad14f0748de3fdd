"""A copy of a model that can be traced while others use the model.

A trace puts tensors without data in the place of parameters, and gives them to whatever the model calls. So
what is traced is a copy of the structure, which shares all tensors. Users' hooks are left out of it, for they
may keep what they are given; torch's own, of weight normalisation say, are part of the model.
"""

from __future__ import annotations

import copy
import functools
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.library import CustomOpDef
from torch.nn.modules import module as torch_module
from torch.nn.utils import prune
from torch.overrides import TorchFunctionMode

from pyxai.checks import brief

_TORCHS = (prune.BasePruningMethod,)  # classes of torch that users derive hooks from
_GLOBAL_HOOKS = ("_global_forward_pre_hooks", "_global_forward_hooks")


class NotCopied(RuntimeError):
    """The model has no copy to be traced; the message says why."""


def isolated(model: nn.Module) -> nn.Module:
    """A copy of the modules of ``model`` around its own tensors, without the hooks of users.

    Raises:
        NotCopied: a part of the model cannot be copied, or would share more than its tensors with the copy.
    """
    if any(getattr(torch_module, name, None) for name in _GLOBAL_HOOKS):
        raise NotCopied("hooks are set on all modules, which a trace would call")
    known: dict[int, Any] = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
    for name, module in model.named_modules():
        if isinstance(module, torch.jit.ScriptModule):
            raise NotCopied(f"it is scripted{f', in `{name}`' if name else ''}")
        for entry, value in vars(module).items():
            if "_hooks" in entry and isinstance(value, dict):
                known[id(value)] = OrderedDict(
                    (key, hook) for key, hook in value.items() if _home(hook) == "torch"
                )
            elif isinstance(value, CustomOpDef):  # a function, for which copy.deepcopy does not take it
                known[id(value)] = value
    try:
        with _SharedTensors():
            return copy.deepcopy(model, known)
    except Exception as error:  # users' classes may raise anything
        raise NotCopied(f"it cannot be copied: {brief(error)}") from error


def hooked(model: nn.Module) -> list[str]:
    """Names of the modules with forward hooks of the user."""
    return [name for name, module in model.named_modules() if user_hooks(module)]


def user_hooks(module: nn.Module) -> list[int]:
    """Numbers of a module's forward hooks of the user: not torch's, nor ours, which live for a call."""
    return [
        number
        for hooks in (module._forward_pre_hooks, module._forward_hooks)
        for number, hook in hooks.items()
        if _home(hook) not in ("torch", "pyxai")
    ]


class _SharedTensors(TorchFunctionMode):
    """Tensors are their own deep copies, also those that no module registered."""

    def __torch_function__(
        self, function: Callable, types: Any, arguments: tuple = (), settings: Any = None
    ) -> Any:
        if function is Tensor.__deepcopy__:
            return arguments[0]
        return function(*arguments, **(settings or {}))


def _home(hook: Callable) -> str:
    """The package a hook is from."""
    while isinstance(hook, functools.partial):
        hook = hook.func
    module = getattr(hook, "__module__", None) or type(hook).__module__
    return "torch" if isinstance(hook, _TORCHS) else module.partition(".")[0]
