"""The gallery: one row for each image, one column for each method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from pyxai.render.grid import picture_grid
from pyxai.render.picture import colourise, fit
from pyxai.render.sheet import ZERO


def gallery(
    images: Sequence[np.ndarray],
    maps: Mapping[str, Sequence[np.ndarray]],
    path: str | Path | None = None,
    *,
    cmap: str = "jet",
    percentile: float = 99.5,
) -> Image.Image:
    """Draw images beside their maps by several methods, and write the sheet to ``path`` if one is given.

    Args:
        images: uint8 (H, W, 3) each, of any sizes.
        maps: method to one map (h, w) an image; each is scaled by itself, signed maps about zero. One that is
            zero throughout is called a zero map.
        cmap, percentile: as for :func:`pyxai.render.colourise`.
    """
    if not images or not maps or any(len(found) != len(images) for found in maps.values()):
        counts = ", ".join(f"{name}: {len(found)}" for name, found in maps.items())
        raise ValueError(
            f"`maps` must hold one map for each of the {len(images)} images, got {counts or 'none'}"
        )
    columns, notes = {"input": list(images)}, {}
    for name, found in maps.items():
        columns[name] = []
        for row, (image, heatmap) in enumerate(zip(images, found, strict=True)):
            fitted = fit(np.asarray(heatmap, np.float32), image.shape[:2])
            symmetric = cmap == "diverging" or bool((fitted < 0).any())
            columns[name].append(colourise(fitted, cmap, symmetric, percentile))
            if not np.any(heatmap):
                notes[name, row] = ZERO
    return picture_grid(columns, path, notes=notes)
