"""``package.module:callable`` and ``path/file.py:callable``: models that the user's own code makes."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from torch import nn

from pyxai.engine.data.called import Preprocessing
from pyxai.engine.data.preprocess import Preprocess
from pyxai.engine.errors import InputError, one_line
from pyxai.engine.models.settings import preprocessing
from pyxai.modules import import_named


def named(spec: str) -> Any:
    """What ``package.module:NAME`` or ``path/file.py:NAME`` is."""
    place, _, name = spec.partition(":")
    module = _module(place)
    try:
        return getattr(module, name)
    except AttributeError:
        raise InputError(f"{place} has no {name!r}") from None


def called_model(spec: str) -> tuple[nn.Module, Preprocessing]:
    """What the callable returns without arguments: a model, or a model and its preprocessing.

    A module stands for itself. Without preprocessing, images are RGB in [0, 1]; what it may be otherwise, see
    :func:`pyxai.engine.models.settings.preprocessing`.
    """
    made = named(spec)
    if not isinstance(made, nn.Module):
        if not callable(made):
            raise InputError(f"{spec} must be a callable or a module, got {type(made).__name__}")
        try:
            made = made()
        except Exception as error:  # the user's own code may raise anything
            raise InputError(f"{spec} raised {type(error).__name__}: {one_line(error)}") from None
    model, given = made if isinstance(made, tuple) and len(made) == 2 else (made, Preprocess())
    if not isinstance(model, nn.Module):
        raise InputError(f"{spec} must return a torch.nn.Module, got {type(model).__name__}")
    return model, preprocessing(given, spec)


def _module(place: str) -> ModuleType:
    try:
        return import_named(place)
    except FileNotFoundError as error:
        raise InputError(str(error)) from None
    except (ImportError, SyntaxError) as error:
        raise InputError(f"cannot import {place}: {one_line(error)}") from None
