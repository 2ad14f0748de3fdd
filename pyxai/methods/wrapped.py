"""What a method that wraps another declares as the wrapped one does."""

from __future__ import annotations

from typing import Any


class OfInner:
    """An attribute of a method that is that of its ``inner`` one; of the class, of the one by default."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, method: Any, owner: type) -> Any:
        return getattr((owner() if method is None else method).inner, self._name)
