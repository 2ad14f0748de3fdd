"""Values, and the user's own code, as the JSON of a manifest has them: alike where they are the same."""

from __future__ import annotations

import functools
import hashlib
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from types import FunctionType, MethodType
from typing import Any

import numpy as np
import torch
from torch import nn

from pyxai.capture.output.number import call_name
from pyxai.engine.data.called import Called, Preprocessing


def plain(value: Any) -> Any:
    """``value`` as JSON has it; tensors and arrays become their shape and a hash."""
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().numpy()
    if isinstance(value, np.ndarray):
        digest = hashlib.blake2b(np.ascontiguousarray(value).tobytes(), digest_size=16).hexdigest()
        return {"shape": list(value.shape), "dtype": str(value.dtype), "blake2b": digest}
    if isinstance(value, dict):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    return value if isinstance(value, None | bool | int | float | str) else str(value)


def preprocess_identity(preprocess: Preprocessing) -> dict[str, Any]:
    """How pictures become the model's input, as JSON has it: the settings, or what the function is."""
    if isinstance(preprocess, Called):
        return {
            "function": code_identity(preprocess.function, preprocess.name),
            "channels": preprocess.channels,
        }
    return preprocess.as_json()


def code_identity(function: Callable, named: Any) -> dict[str, Any]:
    """A callable of the user's, as JSON has it: its name, a hash of its files, and what it holds.

    The files are the one it was asked for in, and the one that defines it. What it holds are the arguments of
    a partial function, the variables of a closure, and the attributes of an object.

    Args:
        named: the place it was asked for by, where that is text; else its own ``module:qualname`` tells.
    """
    asked_for = isinstance(named, str)
    files = [_file_of(named.partition(":")[0])] if asked_for else []
    files.append(_defining_file(function))
    code = b"".join(file.read_bytes() for file in dict.fromkeys(files) if file is not None)
    found = {
        "callable": named if asked_for else call_name(function),
        "blake2b": hashlib.blake2b(code, digest_size=16).hexdigest(),
    }
    held = {name: _held(value, (id(function),)) for name, value in _parts(function).items()}
    return {**found, "held": held} if held else found


def _file_of(place: str) -> Path | None:
    """The file of ``path/file.py`` or of the imported ``package.module``."""
    file = place if place.endswith(".py") else getattr(sys.modules.get(place), "__file__", None)
    return None if file is None else Path(file).resolve()


def _defining_file(function: Callable) -> Path | None:
    """The file of a function, of the class of an object; None of what is built in or typed into a console."""
    while isinstance(function, functools.partial):
        function = function.func
    function = inspect.unwrap(function)
    if not isinstance(function, FunctionType | MethodType | type):
        function = type(function)
    try:
        file = Path(inspect.getsourcefile(function)).resolve()
    except (TypeError, OSError):
        return None
    return file if file.is_file() else None


def _held(value: Any, above: tuple[int, ...]) -> Any:
    """A value without addresses: what it is, and what it holds; of one that holds itself what it is."""
    if value is None or isinstance(value, bool | int | float | str | torch.Tensor | np.ndarray):
        return plain(value)
    inner = functools.partial(_held, above=(*above, id(value)))
    if isinstance(value, list | tuple) and id(value) not in above:
        return [inner(entry) for entry in value]
    name = getattr(value, "__qualname__", type(value).__qualname__)
    parts = {} if id(value) in above else _parts(value)
    if not parts and type(value).__repr__ is not object.__repr__ and not callable(value):
        return str(value)  # a dtype, a path
    return {"is": name, **{str(key): inner(entry) for key, entry in parts.items()}}


def _parts(value: Any) -> dict[Any, Any]:
    """What a callable, a mapping or another object holds, by name."""
    if isinstance(value, dict):
        return value
    if isinstance(value, functools.partial):
        return {"function": value.func, "arguments": value.args, "settings": value.keywords}
    if isinstance(value, MethodType):
        return {"of": value.__self__}
    if isinstance(value, FunctionType):
        return dict(inspect.getclosurevars(value).nonlocals)
    if isinstance(value, nn.Module):
        own = {name: entry for name, entry in vars(value).items() if not name.startswith("_")}
        return {**own, **value.state_dict(), "modules": str(value)}
    return {} if isinstance(value, type) else getattr(value, "__dict__", {})
