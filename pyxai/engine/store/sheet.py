"""A contact sheet of rows of a store, with the pictures that were explained."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from pyxai.engine.store.reader import Run
from pyxai.engine.store.sizes import SizedRun
from pyxai.render import contact_sheet
from pyxai.render.sheet import rows_of


def draw(
    run: Run | SizedRun,
    rows: Iterable[int],
    path: Path,
    classes: Mapping[int, str] | None = None,
    cmap: str = "diverging",
) -> None:
    """Write cards of input, heat map and overlay to ``path``, one for each of ``rows`` and target.

    Args:
        run: an opened store.
        rows: numbers of rows that are explained.
        path: a picture file.
        classes: class to name, of those that have one.
        cmap: see :func:`pyxai.render.contact_sheet`.

    Raises:
        InputError: the pictures are gone.
        ValueError: ``rows`` is empty, no such ``cmap``, or the ending of ``path`` is of no format.
    """
    cards = []
    for row in rows:
        image = run.image(row)
        image = np.repeat(image, 3, axis=2) if image.shape[2] == 1 else image
        cards += rows_of(run[row], image, classes or {}, "class ", run.paths[row])
    model = run.manifest["model"]
    title = ", ".join([run.manifest["method"], *([model["spec"]] if model else [])])
    contact_sheet(cards, path, title=title, cmap=cmap)
