"""The images of a run: names, ids, and the one shape they all have."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pyxai.engine.errors import InputError, RowError
from pyxai.engine.ids import listing_hash, sample_ids
from pyxai.engine.preprocess import Preprocess
from pyxai.engine.sources import Array, Source, open_source, read_row


@dataclass(frozen=True)
class Images:
    """What is explained.

    Attributes:
        source: where they are read.
        names: relative path of every row.
        ids: (N,) int64, what each row's noise is keyed by.
        listing: hash of ``names`` and the source's stamps.
        preprocess: how they become the model's input.
        shape: (C, H, W) after preprocessing.
        first: the first readable row.
        pixels: its pixels.
    """

    source: Source
    names: list[str]
    ids: np.ndarray
    listing: str
    preprocess: Preprocess
    shape: tuple[int, int, int]
    first: int
    pixels: np.ndarray


def find_images(
    data: str | Path, preprocess: Preprocess, shape: tuple[int, int, int] | None = None
) -> Images:
    """List ``data`` and settle the images' shape; an :class:`InputError` where there is not exactly one.

    ``shape`` is what an earlier run with this preprocessing settled on; it saves reading every header.
    """
    source = open_source(data)
    names = source.names()
    if shape is None and preprocess.crop is None and not isinstance(source, Array):
        shape = _only_size(source, names, preprocess)
    first, pixels = _first(source, names, preprocess, shape)
    listing = listing_hash(names, source.stamps())
    return Images(source, names, sample_ids(names), listing, preprocess, pixels.shape, first, pixels)


def _only_size(source: Source, names: list[str], preprocess: Preprocess) -> tuple[int, int, int] | None:
    """The shape all readable pictures have, from their headers; None where no header can be read.

    A picture of one pixel is a placeholder, not a size: it fails as a row where the others are larger.
    """
    sizes: Counter[tuple[int, int]] = Counter()
    for name in names:
        try:
            sizes[preprocess.size(*source.size(name))] += 1
        except Exception:  # a damaged header is a failed row later, with its reason
            continue
    if len(sizes) > 1:
        sizes.pop((1, 1), None)
    if len(sizes) > 1:
        shown = ", ".join(f"{count} of {h}x{w}" for (h, w), count in sizes.most_common(3))
        cure = "--crop" if preprocess.resize else "--resize and --crop"
        raise InputError(f"{source.path} has pictures of {len(sizes)} sizes ({shown}): use {cure}")
    return next(((len(preprocess.channels), *size) for size in sizes), None)


def _first(
    source: Source, names: list[str], preprocess: Preprocess, shape: tuple[int, int, int] | None
) -> tuple[int, np.ndarray]:
    reason = ""
    for row, name in enumerate(names):
        try:
            return row, read_row(source, name, preprocess, shape)
        except RowError as error:
            reason = reason or f"{name}: {error.reason}"
    raise InputError(f"none of the {len(names)} images in {source.path} can be used ({reason})")
