"""The frames of a clip: which of them are taken, and one array of those."""

from __future__ import annotations

import numpy as np

from pyxai.engine.errors import RowError
from pyxai.engine.status import WRONG_SIZE


def evenly(available: int, wanted: int) -> list[int]:
    """The middle frame of each of ``wanted`` equal parts of a clip; all where there are as many.

    Raises:
        RowError: there are fewer.
    """
    if available < wanted:
        found = "1 frame" if available == 1 else f"{available} frames"
        raise RowError(WRONG_SIZE, f"{found}, fewer than the {wanted} of --frames")
    return [(2 * part + 1) * available // (2 * wanted) for part in range(wanted)]


def stacked(frames: list[np.ndarray]) -> np.ndarray:
    """Frames (C, H, W) of one clip as (C, T, H, W).

    Raises:
        RowError: they have several sizes.
    """
    sizes = sorted({frame.shape[1:] for frame in frames})
    if len(sizes) > 1:
        shown = " and ".join("x".join(map(str, size)) for size in sizes[:2])
        raise RowError(WRONG_SIZE, f"frames of {shown} pixels in one clip: use --resize and --crop")
    return np.stack(frames, axis=1)
