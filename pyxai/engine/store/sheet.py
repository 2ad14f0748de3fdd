"""A contact sheet of rows of a store, with the pictures that were explained."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from pyxai.engine.store.reader import Run
from pyxai.engine.store.sizes import SizedRun
from pyxai.render import Row, contact_sheet
from pyxai.render.sheet import label_of, score_name


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
    cards = [card for row in rows for card in _cards(run, row, classes or {})]
    model = run.manifest.get("model")
    title = ", ".join([run.manifest["method"], *([model["spec"]] if model else [])])
    contact_sheet(cards, path, title=title, cmap=cmap)


def _cards(run: Run | SizedRun, row: int, classes: Mapping[int, str]) -> list[Row]:
    """One card for each target of a row."""
    image, explanation = run.image(row), run[row]
    image = np.repeat(image, 3, axis=2) if image.shape[2] == 1 else image
    maps = explanation.heatmap()[0].float().numpy()
    maps = maps.reshape(-1, *maps.shape[-2:])
    if explanation.target is None:
        return [Row(image, heatmap, run.paths[row]) for heatmap in maps]
    target, score = explanation.target[0].reshape(-1), explanation.score[0].reshape(-1)
    residual = None if explanation.residual is None else explanation.residual[0].reshape(-1)
    return [
        Row(
            image,
            heatmap,
            label_of(explanation, int(target[place]), classes, "class "),
            float(score[place]),
            None if residual is None else float(residual[place]),
            score_name(explanation),
        )
        for place, heatmap in enumerate(maps)
    ]
