"""What the packages that publish models share: they are imported when a model of theirs is asked for."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import torch

from pyxai.engine.errors import InputError, one_line


def need(package: str, spec: str) -> ModuleType:
    """The ``package`` that the model ``spec`` comes from; its absence is an :class:`InputError`."""
    try:
        return importlib.import_module(package)
    except ImportError as error:
        if importlib.util.find_spec(package) is None:
            raise InputError(f"model {spec!r} needs {package}: pip install {package}") from None
        raise InputError(f"model {spec!r}: {package} is installed but cannot be imported: {error}") from None


@contextmanager
def publishing(spec: str) -> Iterator[None]:
    """The model ``spec`` is made: random weights are the same in every run, and none of the caller's draws.

    Raises:
        InputError: whatever the package raises for an unknown name, unknown weights or a missing network.
    """
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            yield
    except Exception as error:  # the package's own errors have no common base
        raise InputError(f"model {spec!r} is not available: {one_line(error)}") from None
