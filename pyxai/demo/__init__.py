"""The demonstration: real images, no network connection, the same engine as `pyxai explain`."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pyxai.demo import pictures
from pyxai.engine import InputError, Job, open
from pyxai.engine.errors import refusals
from pyxai.engine.runner.progress import Progress
from pyxai.engine.runner.run import run as explain
from pyxai.engine.runner.summary import Summary
from pyxai.engine.store import sheet
from pyxai.engine.store.store import Store
from pyxai.modules import need

METHODS: dict[str, dict[str, Any]] = {
    "saliency": {},
    "integrated_gradients": {"tolerance": 0.05},
    "smoothgrad": {"samples": 25},
    "lrp": {"composite": "epsilon_plus_flat"},
    "deeplift": {"rule": "reveal_cancel"},
}


COLUMNS = {
    "images/s": "explained in a second, from the files to the store",
    "residual": "how far a map's sum is from what its method promises, median; - where it promises none",
    "in right quarter": "share of the evidence that lies on the photograph seen, 25% by chance",
}
"""What the columns of figures are."""


@dataclass(frozen=True)
class Collection:
    """A folder of images to be written and the classifier that is explained on them."""

    name: str
    model: str
    write: Callable[[Path], None]
    classes: tuple[str, ...]


DIGITS = Collection("digits", "pyxai.demo.networks:digits", pictures.write_digits, tuple("0123456789"))
PHOTOGRAPHS = Collection(
    "photographs",
    "pyxai.demo.networks:photographs",
    pictures.write_grids,
    tuple(name.replace("_", " ") for name in pictures.PHOTOGRAPHS),
)


def run(out: Path) -> None:
    """Write the images into `out`, explain them with every method of `METHODS`, and print what came of it.

    `out` holds one folder of PNG files per collection, and per collection and method a store
    (`digits-saliency.zarr`) and a contact sheet (`digits-saliency.png`). Those of an earlier demonstration
    are replaced. Raises `InputError` where scikit-learn or scikit-image is missing.
    """
    with refusals():
        need("sklearn", "the demonstration", "scikit-learn")
        need("skimage", "the demonstration", "scikit-image")
    try:
        for collection in (DIGITS, PHOTOGRAPHS):
            collection.write(out / collection.name)
    except OSError as error:
        raise InputError(f"cannot write {error.filename or out}: {error.strerror or error}") from None
    print("Explained: what two small networks see in handwritten digits and in grids of four photographs.")
    print(f"{'':21}  {'digits':18}  photographs")
    print(f"{'method':21}  images/s  residual  images/s  residual  in right quarter")
    for method, options in METHODS.items():
        digits, photographs = (
            _explain(collection, method, options, out) for collection in (DIGITS, PHOTOGRAPHS)
        )
        share = np.mean(cell_shares(photographs.store))
        print(f"{method:21}  {_figures(digits)}  {_figures(photographs)}  {share:16.0%}", flush=True)
    for column, meaning in COLUMNS.items():
        print(f"{column}: {meaning}")
    print(f"pictures: {out}/*.png\nnumbers:  {out}/*.zarr, which pyxai.open reads")


def _explain(collection: Collection, method: str, options: dict, out: Path) -> Summary:
    """Fill the store of a collection and a method and draw its sheet."""
    store = out / f"{collection.name}-{method}.zarr"
    if Store.exists(store):
        shutil.rmtree(store)
    summary = explain(Job(collection.model, out / collection.name, store, method, options), Progress())
    draw(store, collection.classes)
    return summary


def draw(store: Path, classes: tuple[str, ...], count: int = 16) -> None:
    """Write the contact sheet of the first `count` rows beside the store."""
    found = open(store)
    sheet.draw(found, range(min(count, len(found))), store.with_suffix(".png"), dict(enumerate(classes)))


def _figures(summary: Summary) -> str:
    """Speed and residual; not every method promises a sum."""
    median = summary.residual_median
    residual = "-" if median is None else f"{100 * median:.2g}%"
    return f"{summary.images_per_second:8.1f}  {residual:>8}"


def cell_shares(store: Path) -> list[float]:
    """For every grid of a store: the share of the positive evidence that lies in the predicted photograph.

    Grids in which the predicted photograph does not occur are left out.
    """
    found = open(store)
    shares = []
    for path, target, heatmap in zip(
        found.paths, found.arrays["target"][:], found.arrays["heatmap"][:], strict=True
    ):
        names = Path(path).stem.split("-")[1:]
        if pictures.PHOTOGRAPHS[target] in names:
            shares.append(pictures.share_in_cell(heatmap, names.index(pictures.PHOTOGRAPHS[target])))
    return shares
