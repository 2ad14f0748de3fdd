"""A contact sheet of rows of a store, with the pictures that were explained."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from pyxai.engine.store.reader import Run
from pyxai.engine.store.sizes import SizedRun
from pyxai.render import Row, contact_sheet, overlay
from pyxai.render.clip import lines, strip
from pyxai.render.names import file_name
from pyxai.render.picture import resized
from pyxai.render.sheet import rows_of


def draw(
    run: Run | SizedRun,
    rows: Iterable[int],
    path: Path,
    classes: Mapping[int, str] | None = None,
    cmap: str = "diverging",
    percentile: float = 99.5,
) -> None:
    """Write cards of input, heat map and overlay to ``path``, one for each of ``rows`` and target.

    Args:
        run: an opened store.
        rows: numbers of rows that are explained.
        path: a picture file.
        classes: class to name, of those that have one.
        cmap, percentile: see :func:`pyxai.render.contact_sheet`.

    Raises:
        InputError: the pictures are gone.
        ValueError: ``rows`` is empty, no such ``cmap``, or the ending of ``path`` is of no format.
    """
    groups = [_cards(run, row, classes or {}) for row in rows]
    cards = [card for group in groups for card in group]
    model = run.manifest.get("model")
    title = ", ".join([run.manifest["method"], *([model["spec"]] if model else [])])
    per_image = max(map(len, groups), default=1)
    contact_sheet(cards, path, title=title, cmap=cmap, percentile=percentile, per_image=per_image)


def draw_each(
    run: Run | SizedRun,
    rows: Iterable[int],
    folder: Path,
    classes: Mapping[int, str] | None = None,
    cmap: str = "diverging",
    percentile: float = 99.5,
    size: int | None = None,
) -> int:
    """Write an overlay for each of ``rows`` and target into ``folder``, which is made; returns their number.

    That of a clip is of frames side by side, those that a contact sheet shows.

    Args:
        run: an opened store.
        rows: numbers of rows that are explained.
        folder: files in it that are called alike are replaced. A name begins with the number of the row, and
            that of the target where there are several.
        classes: class to name, of those that have one.
        cmap, percentile: see :func:`pyxai.render.overlay`.
        size: long side in pixels, of a clip that of a frame; None for that of the image.

    Raises:
        InputError: the pictures are gone.
        ValueError: no such ``cmap``.
    """
    count, digits = 0, len(str(len(run) - 1))
    for row in rows:
        cards = _cards(run, row, classes or {})
        folder.mkdir(parents=True, exist_ok=True)
        for place, card in enumerate(cards):
            prefix, about = f"{row:0{digits}}-", run.paths[row]
            if len(cards) > 1:
                prefix, about = f"{prefix}{place}-", f"{card.label}-{about}"
            Image.fromarray(_overlay(card, cmap, percentile, size)).save(folder / file_name(prefix, about))
            count += 1
    return count


def _overlay(card: Row, cmap: str, percentile: float, size: int | None) -> np.ndarray:
    """uint8 (H, W, 3): the map over its image; of a clip, over frames side by side."""
    symmetric = cmap == "diverging" or bool((card.heatmap < 0).any())
    if card.heatmap.ndim == 2:
        image = card.image if size is None else resized(card.image, size)
        return overlay(image, card.heatmap, cmap, symmetric, percentile)
    frames = card.image if size is None else np.stack([resized(frame, size) for frame in card.image])
    *_, over = lines(frames, card.heatmap, cmap, symmetric, percentile)
    return strip(over)


def _cards(run: Run | SizedRun, row: int, classes: Mapping[int, str]) -> list[Row]:
    """One card for each target of a row."""
    image = run.image(row)
    image = np.repeat(image, 3, axis=-1) if image.shape[-1] == 1 else image
    explanation, path = run[row], run.paths[row]
    name = f"row {row}" if explanation.target is None else f"row {row}, {path}"  # the label is the path then
    return rows_of(explanation, image, classes, "class ", path, name)
