"""How many images go into a batch, and when what there is of a chunk is stored."""

from __future__ import annotations

import time

_SECONDS = 10.0
"""A batch is to take no longer than this, nor are results to wait longer for being stored."""


class Pace:
    """Begins with a batch of one image, and goes on with as many as the time allows.

    So a run of a slow method shows soon how fast it is, and one that is killed loses little, while that of a
    fast method has full batches from the second on.

    Args:
        most: images of the largest batch.
    """

    def __init__(self, most: int):
        self.size = 1
        self._most = most
        self._began = self._stored = time.monotonic()

    def begin(self) -> None:
        """A batch begins."""
        self._began = time.monotonic()

    def end(self, images: int) -> None:
        """It ended, and had so many ``images``."""
        seconds = time.monotonic() - self._began
        self.size = max(1, min(self._most, int(images * _SECONDS / max(seconds, 1e-9))))

    def is_time_to_store(self) -> bool:
        """Whether results have waited long enough; the next then wait from now on."""
        now = time.monotonic()
        if now - self._stored < _SECONDS:
            return False
        self._stored = now
        return True
