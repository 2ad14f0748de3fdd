"""Pictures in columns with headings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from pyxai.render.sheet import GAP, INK, MARGIN, TILE, font, shortened, tile
from pyxai.render.write import write

_HEADER = 36
_WIDEST = 150  # pixels of the names of rows


def picture_grid(
    columns: Mapping[str, Sequence[np.ndarray | None]],
    path: str | Path | None = None,
    *,
    names: Sequence[str] = (),
    notes: Mapping[tuple[str, int], str] | None = None,
) -> Image.Image:
    """Draw pictures in columns, and write the sheet to ``path`` if one is given.

    Each is fitted into a square tile; small ones keep their pixels visible. Heat maps become pictures by
    :func:`pyxai.render.colourise` and :func:`pyxai.render.overlay`.

    Args:
        columns: heading to uint8 pictures (H, W, 3), of any sizes, as many in each column. Nothing is drawn
            in the place of None.
        path: a picture file.
        names: of the rows, on their left.
        notes: (heading, row) to a few words that are written over a picture.

    Raises:
        ValueError: there are no pictures, columns differ in length, or there is not a name for each row.
    """
    counts = {len(column) for column in columns.values()}
    if len(counts) != 1 or counts == {0}:
        told = ", ".join(f"{heading}: {len(column)}" for heading, column in columns.items()) or "none"
        raise ValueError(f"`columns` must hold as many pictures each, at least one, got {told}")
    (count,) = counts
    if names and len(names) != count:
        raise ValueError(f"`names` must hold one for each of the {count} rows, got {len(names)}")
    small, large = font(13), font(14)
    ruler = ImageDraw.Draw(Image.new("RGB", (1, 1)))
    labels = [shortened(ruler, name, large, _WIDEST) for name in names]
    beside = max((int(ruler.textlength(label, large)) + 12 for label in labels), default=0)
    width = 2 * MARGIN + beside + len(columns) * (TILE + GAP) - GAP
    sheet = Image.new("RGB", (width, _HEADER + count * (TILE + GAP) + MARGIN), "white")
    draw = ImageDraw.Draw(sheet)
    tops = [_HEADER + row * (TILE + GAP) for row in range(count)]
    for number, (heading, column) in enumerate(columns.items()):
        left = MARGIN + beside + number * (TILE + GAP)
        draw.text((left, 12), shortened(draw, heading, large, TILE), INK, large)
        for row, (top, picture) in enumerate(zip(tops, column, strict=True)):
            if picture is not None:
                sheet.paste(tile(picture), (left, top))
            note = (notes or {}).get((heading, row))
            if note:
                draw.text((left + 6, top + 4), note, INK, small, stroke_width=2, stroke_fill="white")
    for top, label in zip(tops, labels, strict=False):
        draw.text((MARGIN, top + TILE // 2 - 8), label, INK, large)
    if path is not None:
        write(sheet, path)
    return sheet
