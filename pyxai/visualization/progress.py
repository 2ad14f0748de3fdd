"""Who wants to know how far an optimisation is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_LISTENER: ContextVar[Callable[[int, int], None] | None] = ContextVar("listener", default=None)


@contextmanager
def told(listener: Callable[[int, int], None]) -> Iterator[None]:
    """Within, ``listener`` is called with the steps that are made and those there will be, after each."""
    token = _LISTENER.set(listener)
    try:
        yield
    finally:
        _LISTENER.reset(token)


def tell(made: int, steps: int) -> None:
    """Tell the listener, if there is one."""
    listener = _LISTENER.get()
    if listener is not None:
        listener(made, steps)
