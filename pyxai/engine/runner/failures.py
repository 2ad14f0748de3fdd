"""When so many images fail that it is not the images."""

from __future__ import annotations

import re

from pyxai.engine.errors import InputError, RunError

_FIRST = 64
"""Images before which a share says nothing."""


class Failures:
    """Counts images that fail, and stops the run where they are too many.

    Args:
        most: how many may: a number, as in ``"10"``, or the share of those that were tried, as in ``"5%"``,
            which counts from the 64th image on.

    Attributes:
        count: images that failed.

    Raises:
        InputError: ``most`` is neither.
    """

    def __init__(self, most: str):
        number = re.fullmatch(r"[0-9]{1,12}|[0-9]{1,3}(\.[0-9]+)?%", most)
        self._is_share = most.endswith("%")
        if number is None or (self._is_share and float(most[:-1]) > 100):
            raise InputError(f"--max-failed must be a number or a share, as in 10 or 5%, got {most!r}")
        self._most = float(most[:-1]) / 100 if self._is_share else int(most)
        self._said = most
        self._tried = 0
        self._last = ""
        self.count = 0

    def tried(self, images: int) -> None:
        """So many ``images`` were tried, those that failed among them."""
        self._tried += images

    def add(self, name: str, reason: str) -> None:
        """One of them, the image ``name``, failed."""
        self.count += 1
        self._last = f"{name}: {reason}"

    def check(self) -> None:
        """A :class:`RunError` where too many failed."""
        if self._is_share:
            exceeded = self._tried >= _FIRST and self.count > self._most * self._tried
        else:
            exceeded = self.count > self._most
        if exceeded:
            raise RunError(
                f"{self.count} of {self._tried} images failed, more than --max-failed {self._said} allows, "
                f"the last one by {self._last}; see to it and continue with --resume --retry-failed"
            )
