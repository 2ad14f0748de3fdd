"""The images of a run: names, ids, and the one shape they all have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pyxai.engine.data.ids import listing_hash, sample_ids
from pyxai.engine.data.preprocess import Preprocess
from pyxai.engine.data.sources import Array, Source, open_source, read_row
from pyxai.engine.errors import InputError, RowError


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
    data: str | Path,
    preprocess: Preprocess,
    shape: tuple[int, int, int] | None = None,
    names: Sequence[str] | None = None,
) -> Images:
    """List ``data`` and settle the images' shape; an :class:`InputError` where there is not exactly one.

    ``shape`` is what an earlier run with this preprocessing settled on; it saves reading every header.
    ``names`` are the images to take, None for all.
    """
    source = open_source(data)
    chosen = names is not None
    names = list(names) if chosen else source.names()
    if shape is None and preprocess.crop is None and not isinstance(source, Array):
        shape = _only_size(source, names, preprocess)
    first, pixels = _first(source, names, preprocess, shape, some=chosen)
    listing = listing_hash(names, source.stamps())
    return Images(source, names, sample_ids(names), listing, preprocess, pixels.shape, first, pixels)


def names_by_size(
    source: Source, names: Iterable[str], preprocess: Preprocess
) -> dict[tuple[int, int] | None, list[str]]:
    """The pictures of each (height, width) after preprocessing, from their headers; under None those whose
    header cannot be read.
    """
    found: dict[tuple[int, int] | None, list[str]] = {}
    for name in names:
        try:
            size = preprocess.size(*source.size(name))
        except Exception:  # a damaged header is a failed row later, with its reason
            size = None
        found.setdefault(size, []).append(name)
    return found


def _only_size(source: Source, names: list[str], preprocess: Preprocess) -> tuple[int, int, int] | None:
    """The shape all readable pictures have, from their headers; None where no header can be read.

    A picture of one pixel is a placeholder, not a size: it fails as a row where the others are larger.
    """
    found = names_by_size(source, names, preprocess)
    sizes = Counter({size: len(members) for size, members in found.items() if size})
    if len(sizes) > 1:
        sizes.pop((1, 1), None)
    if len(sizes) > 1:
        shown = ", ".join(f"{count} of {h}x{w}" for (h, w), count in sizes.most_common(3))
        cure = "--crop" if preprocess.resize else "--resize and --crop"
        raise InputError(f"{source.path} has pictures of {len(sizes)} sizes ({shown}): use {cure}")
    return next(((len(preprocess.channels), *size) for size in sizes), None)


def _first(
    source: Source,
    names: list[str],
    preprocess: Preprocess,
    shape: tuple[int, int, int] | None,
    some: bool,
) -> tuple[int, np.ndarray]:
    """The first image that can be read. Where ``names`` are but some of the source, a black one will do."""
    reason = ""
    for row, name in enumerate(names):
        try:
            return row, read_row(source, name, preprocess, shape)
        except RowError as error:
            reason = reason or f"{name}: {error.reason}"
    if some and shape:
        return 0, np.zeros(shape, np.uint8)
    raise InputError(f"none of the {len(names)} images in {source.path} can be used ({reason})")
