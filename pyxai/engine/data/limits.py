"""How much a small file may become in memory."""

from __future__ import annotations

from dataclasses import dataclass

from pyxai.engine.errors import InputError


@dataclass(frozen=True)
class Limits:
    """Bounds on what is unpacked, so that a small file cannot fill the memory.

    Attributes:
        pixels: of one picture, or of all frames of a clip, at most; 2^27 is a square of 11585.
        unpacked: bytes that one compressed file of a zip or ``.npz`` may become.
    """

    pixels: int = 2**27
    unpacked: int = 2**28

    def __post_init__(self):
        for name, value in (("--max-pixels", self.pixels), ("--max-unpacked", self.unpacked)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise InputError(f"{name} must be a positive whole number, got {value!r}")

    def check_pixels(self, width: int, height: int, frames: int = 1) -> None:
        """Raise :class:`ValueError` for a picture, or a clip of so many frames, that is too large."""
        if width * height * frames > self.pixels:
            several = f"{frames} frames of " if frames > 1 else ""
            found = f"{several}{height}x{width} pixels"
            raise ValueError(f"{found} are more than {self.pixels}: see --max-pixels")

    def check_unpacked(self, size: int) -> None:
        """Raise :class:`ValueError` for a compressed file that becomes too large."""
        if size > self.unpacked:
            raise ValueError(f"unpacks to {size} bytes, more than {self.unpacked}: see --max-unpacked")
