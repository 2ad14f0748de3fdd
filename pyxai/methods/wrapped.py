"""What a method that wraps another declares as the wrapped one does."""

from __future__ import annotations

from typing import Any


class OfInner:
    """An attribute of a method that is that of its ``inner`` one; of the class, of the one by default.

    Args:
        least: what it is at least; None where nothing is.
    """

    def __init__(self, least: Any = None):
        self._least = least

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, method: Any, owner: type) -> Any:
        found = getattr((owner() if method is None else method).inner, self._name)
        return found if self._least is None else max(found, self._least)
