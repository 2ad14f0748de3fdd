"""The demonstration: real images, no network connection, the same engine as `pyxai explain`."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pyxai.demo import pictures
from pyxai.engine import InputError, Job, open
from pyxai.engine.runner.loop import run as explain
from pyxai.engine.runner.progress import Bar, Progress, Summary
from pyxai.engine.store.store import Store
from pyxai.render import Row, contact_sheet

METHODS: dict[str, dict[str, Any]] = {
    "saliency": {},
    "integrated_gradients": {"tolerance": 0.05},
    "smoothgrad": {"samples": 25},
    "lrp": {"composite": "epsilon_plus_flat"},
    "deeplift": {"rule": "reveal_cancel"},
}


@dataclass(frozen=True)
class Collection:
    """A folder of images to be written and the classifier that is explained on them."""

    name: str
    model: str
    write: Callable[[Path], None]
    classes: tuple[str, ...]


COLLECTIONS = (
    Collection("digits", "pyxai.demo.networks:digits", pictures.write_digits, tuple("0123456789")),
    Collection("photographs", "pyxai.demo.networks:photographs", pictures.write_grids, pictures.PHOTOGRAPHS),
)


def run(out: Path) -> None:
    """Write the images into `out`, explain them with every method of `METHODS`, and print what came of it.

    `out` holds one folder of PNG files per collection, and per collection and method a store
    (`digits-saliency.zarr`) and a contact sheet (`digits-saliency.png`). Those of an earlier demonstration
    are replaced. Raises `InputError` where scikit-learn or scikit-image is missing.
    """
    _need("sklearn", "skimage")
    try:
        for collection in COLLECTIONS:
            collection.write(out / collection.name)
    except OSError as error:
        raise InputError(f"cannot write {error.filename or out}: {error.strerror or error}") from None
    print(f"{'images':12} {'method':21} {'number':>6} {'images/s':>9} {'passes':>7}  notes")
    for collection in COLLECTIONS:
        for method, options in METHODS.items():
            store = out / f"{collection.name}-{method}.zarr"
            summary = _explain(collection, method, options, out / collection.name, store)
            draw(store, collection.classes)
            print(_line(collection, method, summary), flush=True)
    print(f"\nstores: {out}/*.zarr (pyxai.open reads them)\nsheets: {out}/*.png")


def _need(*modules: str) -> None:
    if any(importlib.util.find_spec(module) is None for module in modules):
        raise InputError(
            "the demonstration takes its images from scikit-learn and scikit-image: "
            "pip install scikit-learn scikit-image"
        )


def _explain(collection: Collection, method: str, options: dict, data: Path, store: Path) -> Summary:
    if Store.exists(store):
        shutil.rmtree(store)
    progress = Bar() if sys.stderr.isatty() else Progress()
    return explain(Job(collection.model, data, store, method, options), progress)


def draw(store: Path, classes: tuple[str, ...], count: int = 16) -> None:
    """Write the contact sheet of the first `count` rows beside the store."""
    found = open(store)
    first = found[:count]
    residual = first.residual if first.residual is not None else [None] * len(first)
    rows = [
        Row(found.image(number), heatmap.numpy(), classes[target], float(score), left)
        for number, (heatmap, target, score, left) in enumerate(
            zip(first.heatmap(), first.target, first.score, residual, strict=True)
        )
    ]
    method, model = found.manifest["method"], found.manifest["model"]["spec"]
    contact_sheet(rows, store.with_suffix(".png"), title=f"{method}, {model}")


def _line(collection: Collection, method: str, summary: Summary) -> str:
    notes = []
    if summary.residual_median is not None:
        notes.append(
            f"residual: median {100 * summary.residual_median:.2g} %, max {100 * summary.residual_max:.2g} %"
        )
    if collection.name == "photographs":
        shares = cell_shares(summary.store)
        notes.append(f"evidence in the right quarter: {np.mean(shares):.0%} (by chance 25%)")
    return (
        f"{collection.name:12} {method:21} {summary.done:6} {summary.images_per_second:9.1f} "
        f"{summary.evaluations:7.1f}  {'; '.join(notes)}"
    )


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
