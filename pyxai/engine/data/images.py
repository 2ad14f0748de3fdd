"""The images of a run: names, ids, and the one shape they all have."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pyxai.engine.data.array import Array
from pyxai.engine.data.called import Called, Preprocessing
from pyxai.engine.data.ids import listing_hash, sample_ids
from pyxai.engine.data.limits import Limits
from pyxai.engine.data.preprocess import Preprocess
from pyxai.engine.data.source import Listing, Source
from pyxai.engine.data.sources import open_source, read_row
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
        shape: (C, H, W), of clips (C, T, H, W), after preprocessing.
        first: the first readable row.
        pixels: its pixels.
        left_out: what lies beside the images and is none, as
            :meth:`pyxai.engine.data.source.LeftOut.as_json`.
    """

    source: Source
    names: list[str]
    ids: np.ndarray
    listing: str
    preprocess: Preprocessing
    shape: tuple[int, ...]
    first: int
    pixels: np.ndarray
    left_out: dict[str, Any] = field(default_factory=dict)


def find_images(
    data: str | Path,
    preprocess: Preprocessing,
    shape: tuple[int, ...] | None = None,
    names: Sequence[str] | None = None,
    limits: Limits = Limits(),  # noqa: B008  it is frozen
    silent: bool = False,
    frames: int | None = None,
    limit: int | None = None,
) -> Images:
    """List ``data`` and settle the images' shape; an :class:`InputError` where there is not exactly one.

    Args:
        data: a folder, zip, picture or array file.
        preprocess: of the model.
        shape: what an earlier run with this preprocessing settled on; it saves reading every header.
        names: the images to take, None for all.
        limits: of what is unpacked.
        frames: of each clip; None for pictures, and for the clips of an array as they are.
        silent: the model says nothing of its channels, which are then those of the images.
        limit: how many of the first images are taken; None for all.
    """
    source = open_source(data, limits, frames)
    listing = source.listing() if names is None else Listing(list(names))
    chosen, names = names is not None, listing.names[:limit]
    if silent:
        preprocess = _with_channels(source, names, preprocess)
    by_header = isinstance(preprocess, Preprocess) and preprocess.crop is None
    if shape is None and by_header and not isinstance(source, Array):
        shape = _only_size(source, names, preprocess)
    first, pixels = _first(source, names, preprocess, shape, some=chosen)
    if isinstance(preprocess, Called):
        _check_repeats(source, names[first], preprocess, pixels)
    hashed = listing_hash(names, source.stamps())
    return Images(
        source,
        names,
        sample_ids(names),
        hashed,
        preprocess,
        pixels.shape,
        first,
        pixels,
        listing.left_out.as_json(),
    )


def _with_channels(source: Source, names: list[str], preprocess: Preprocess) -> Preprocess:
    """Of an array, or a TIFF with channels that are no colours, as many as the first readable image has."""
    for name in names:
        try:
            channels = source.channels(name)
        except Exception:  # a damaged header is a failed row later, with its reason
            continue
        stacked = (isinstance(source, Array) and channels != 3) or channels > 4
        return dataclasses.replace(preprocess, channels=channels) if stacked else preprocess
    return preprocess


def _check_repeats(source: Source, name: str, preprocess: Called, pixels: np.ndarray) -> None:
    """A function that draws random numbers explains another picture each time."""
    if not np.array_equal(read_row(source, name, preprocess, None), pixels, equal_nan=True):
        raise InputError(
            f"the preprocessing of {preprocess.name} must give the same for a picture twice, and does not: "
            "return that of evaluation, not of training"
        )


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


def is_readable(source: Source, name: str, preprocess: Preprocessing) -> bool:
    """Whether a picture is what its header says."""
    try:
        read_row(source, name, preprocess, None)
    except RowError:
        return False
    return True


def _only_size(source: Source, names: list[str], preprocess: Preprocess) -> tuple[int, ...] | None:
    """The shape all readable pictures have, from their headers; None where no header can be read.

    A picture of one pixel is a placeholder, not a size: it fails as a row where the others are larger. So
    does a damaged one, whatever its header says.
    """
    found = names_by_size(source, names, preprocess)
    sizes = Counter({size: len(members) for size, members in found.items() if size})
    if len(sizes) > 1:
        sizes.pop((1, 1), None)
    most = max(sizes, key=sizes.__getitem__, default=None)
    others = [name for size in sizes for name in found[size] if size != most]
    if any(is_readable(source, name, preprocess) for name in others):
        shown = ", ".join(f"{count} of {h}x{w}" for (h, w), count in sizes.most_common(3))
        kind = "pictures" if source.frames is None else "clips"
        cure = "--crop" if preprocess.resize else "--resize and --crop"
        raise InputError(f"{source.path} has {kind} of {len(sizes)} sizes ({shown}): use {cure}")
    frames = () if source.frames is None else (source.frames,)
    return most and (preprocess.count, *frames, *most)


def _first(
    source: Source,
    names: list[str],
    preprocess: Preprocessing,
    shape: tuple[int, ...] | None,
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
