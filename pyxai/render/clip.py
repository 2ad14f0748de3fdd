"""Frames of a clip side by side: as they are, their heat maps, and both over each other."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from pyxai.render.picture import colourise, fit, overlay

MOST = 8
"""Frames that are shown of a clip; of more, the middles of as many equal parts."""


def shown(count: int) -> list[int]:
    """The numbers of the frames of a clip that are shown."""
    parts = min(count, MOST)
    return _middles(count, parts)


def lines(
    images: np.ndarray | None, heatmap: np.ndarray, cmap: str, symmetric: bool, percentile: float
) -> list[list[np.ndarray]]:
    """The shown frames of a clip, uint8 (H, W, 3) each: input, heat map and overlay, or the heat map alone.

    Args:
        images: uint8 (T, H, W, 3), or None.
        heatmap: (t, h, w), resized where it is smaller; scaled as one map, so that frames can be compared.
        cmap, symmetric, percentile: as for :func:`pyxai.render.colourise`.
    """
    if images is None:
        frames = shown(len(heatmap))
        return [_cut(colourise(strip(heatmap), cmap, symmetric, percentile), len(heatmap), frames)]
    count, size = len(images), images.shape[1:3]
    maps = strip([fit(heatmap[place], size) for place in _middles(len(heatmap), count)])
    heat = colourise(maps, cmap, symmetric, percentile)
    over = overlay(strip(images), maps, cmap, symmetric, percentile)
    return [_cut(whole, count, shown(count)) for whole in (strip(images), heat, over)]


def strip(frames: Iterable[np.ndarray]) -> np.ndarray:
    """Frames (H, W, …) side by side, (H, T · W, …)."""
    return np.concatenate(list(frames), axis=1)


def _cut(whole: np.ndarray, count: int, frames: list[int]) -> list[np.ndarray]:
    """Some of the ``count`` frames of a strip."""
    parts = np.split(whole, count, axis=1)
    return [parts[frame] for frame in frames]


def _middles(count: int, parts: int) -> list[int]:
    """Which of ``count`` frames lies in the middle of each of so many equal parts of the clip."""
    return [(2 * part + 1) * count // (2 * parts) for part in range(parts)]
