"""What the packages that publish models share: they are imported when a model of theirs is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import torch

from pyxai.engine.errors import InputError, one_line, refusals
from pyxai.modules import need as needed


def need(package: str, spec: str) -> ModuleType:
    """The ``package`` that the model ``spec`` comes from; its absence is an :class:`InputError`."""
    with refusals():
        return needed(package, f"model {spec!r}")


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
