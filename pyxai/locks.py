"""A lock that an object may hold: it survives pickling, copying and a fork."""

from __future__ import annotations

import os
import threading
from typing import Any


class Lock:
    """A context manager that one thread at a time may enter, as often as it likes.

    A copy is a lock of its own, and so is that of a forked process: the thread that held it is not there.
    """

    def __init__(self) -> None:
        self._make()

    def _make(self) -> None:
        self._process, self._lock = os.getpid(), threading.RLock()

    def __enter__(self) -> None:
        if self._process != os.getpid():
            self._make()
        self._lock.acquire()

    def __exit__(self, *_: Any) -> None:
        self._lock.release()

    def __reduce__(self) -> tuple:
        return Lock, ()
