"""The gallery: one row for each image, one column for each method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from pyxai.render.picture import colourise, fit
from pyxai.render.sheet import GAP, INK, MARGIN, TILE, ZERO, font, shortened, tile

_HEADER = 36


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
    width = 2 * MARGIN + (len(maps) + 1) * (TILE + GAP) - GAP
    sheet = Image.new("RGB", (width, _HEADER + len(images) * (TILE + GAP) + MARGIN), "white")
    draw = ImageDraw.Draw(sheet)
    for column, name in enumerate(("input", *maps)):
        left = MARGIN + column * (TILE + GAP)
        draw.text((left, 12), shortened(draw, name, font(14), TILE), INK, font(14))
        for row, image in enumerate(images):
            picture = image
            if column:
                heatmap = fit(np.asarray(maps[name][row], np.float32), image.shape[:2])
                symmetric = cmap == "diverging" or bool((heatmap < 0).any())
                picture = colourise(heatmap, cmap, symmetric, percentile)
            top = _HEADER + row * (TILE + GAP)
            sheet.paste(tile(picture), (left, top))
            if column and not np.any(maps[name][row]):
                draw.text((left + 6, top + 4), ZERO, INK, font(13), stroke_width=2, stroke_fill="white")
    if path is not None:
        sheet.save(path)
    return sheet
