"""The arrays of a store: their shapes, chunks and codecs, what their axes are called and what they hold."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import zarr
from zarr.codecs import Crc32cCodec, ZstdCodec

from pyxai.engine.status import MEANING
from pyxai.methods.explanation import PICTURE

STATUS = "status"
ROW, NUMBER = "row", "target_number"
"""The axis of the images, and that of several targets per image."""

MOST_ROWS = 1024
"""Rows of a chunk at most."""

_USUAL_ROWS = 64
_USUAL_CHUNK = 2**22  # bytes of the chunks of all arrays together, where they hold more rows than usual
_LARGEST_CHUNK = 2**26  # the same where they hold fewer; a row may be larger
_SHARED = 64  # chunks that a run is shared out in at least, where they hold more rows than usual
_FILL = {"target": -1, "predicted": -1, "evaluations": 0}
_DTYPES = (
    "float16", "float32", "float64", "bool",
    "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
)  # fmt: skip
_ABOUT = {
    "heatmap": "attribution summed over channels",
    "attribution": "attribution of each input value",
    "target": "class that is explained",
    "score": "what is explained of the model's output",
    "delta": "completeness error: sum of the attribution minus what it must be",
    "residual": "completeness error relative to what the attribution must sum to",
    "evaluations": "gradient evaluations spent on the image",
    STATUS: "what became of the row",
}
_UNITS = dict.fromkeys(("residual", "evaluations"), "1")
_FLAGS = {  # as the CF conventions write an enumeration
    "flag_values": list(MEANING),
    "flag_meanings": " ".join(meaning.replace(" ", "_") for meaning in MEANING.values()),
}


@dataclass(frozen=True)
class Layout:
    """One array.

    Attributes:
        name: of the array.
        rows: of the whole run.
        chunk: rows of a chunk.
        shape: of one row.
        dtype: of its numbers.
        axes: what the axes of one row are called.
    """

    name: str
    rows: int
    chunk: int
    shape: tuple[int, ...]
    dtype: str
    axes: tuple[str, ...] = ()

    @property
    def chunk_bytes(self) -> int:
        """Bytes of a chunk that is decoded. The last one is filled up."""
        return self.chunk * math.prod(self.shape) * np.dtype(self.dtype).itemsize

    def key(self, chunk: int) -> str:
        """The file of a chunk, within the store."""
        return "/".join([self.name, "c", str(chunk), *"0" * len(self.shape)])

    def create(self, group: zarr.Group) -> None:
        """Create the array in a new store."""
        about = {"long_name": _ABOUT.get(self.name, f"{self.name} of the method")}
        if self.name in _UNITS:
            about["units"] = _UNITS[self.name]
        group.create_array(
            self.name,
            shape=(self.rows, *self.shape),
            chunks=(self.chunk, *self.shape),
            dtype=self.dtype,
            compressors=[ZstdCodec(level=0), Crc32cCodec()],
            fill_value=fill_value(self.name, self.dtype),
            dimension_names=(ROW, *self.axes),
            attributes=about | (_FLAGS if self.name == STATUS else {}),
        )

    def metadata(self, found: Any) -> dict[str, Any]:
        """The Zarr metadata to read the array by, where ``found``, its ``zarr.json``, is that of this array.

        Raises:
            ValueError: it is not: another shape, a codec that runs write no chunks with, another format.
        """
        if not isinstance(found, dict):
            raise ValueError("zarr.json must hold an object")
        fill = fill_value(self.name, self.dtype)
        wanted = {
            "zarr_format": 3,
            "node_type": "array",
            "shape": [self.rows, *self.shape],
            "data_type": self.dtype,
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [self.chunk, *self.shape]}},
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
            "fill_value": "NaN" if fill != fill else fill,
            "codecs": _codecs(found.get("codecs"), np.dtype(self.dtype).itemsize),
            "storage_transformers": [],
        }
        for key, value in wanted.items():
            if found.get(key, [] if key == "storage_transformers" else None) != value:
                raise ValueError(f"`{key}` must be {value!r}, got {repr(found.get(key))[:80]}")
        named = found.get("dimension_names")
        if named is not None and named != [ROW, *self.axes]:
            raise ValueError(f"`dimension_names` must be {[ROW, *self.axes]}, got {repr(named)[:80]}")
        attributes = found.get("attributes")
        if not isinstance(attributes, dict | None):
            raise ValueError("`attributes` must be an object")
        if unknown := set(found) - {*wanted, "dimension_names", "attributes"}:
            raise ValueError(f"`{min(unknown)[:40]}` is unknown")
        return {**wanted, "dimension_names": named, "attributes": attributes or {}}


def is_checked(metadata: dict[str, Any]) -> bool:
    """Whether chunks end in a CRC32C: those of stores that older versions began do not."""
    return metadata["codecs"][-1] == _CHECKSUM


_CHECKSUM = {"name": "crc32c"}


def _codecs(found: Any, itemsize: int) -> list[dict[str, Any]]:
    """``found``, where this version or one before writes chunks with that; else what this one writes with."""
    ordered = {"name": "bytes", "configuration": {"endian": "little"}}
    zstd = {"name": "zstd", "configuration": {"level": 0, "checksum": False}}
    known = [
        [order, zstd, *checksum]
        for order in ([ordered] if itemsize > 1 else [ordered, {"name": "bytes"}])  # zarr 3.0 and later
        for checksum in ([], [_CHECKSUM])
    ]
    return found if found in known else known[-1]


def fill_value(name: str, dtype: str) -> float | int | bool:
    """What an array holds in rows that have no result."""
    if np.issubdtype(np.dtype(dtype), np.floating):
        return float("nan")
    return False if dtype == "bool" else _FILL.get(name, 0)


def chunk_rows(arrays: dict[str, dict[str, Any]], rows: int) -> int:
    """Rows of a chunk of a run of ``rows``.

    64; fewer where a chunk would take more than 64 MiB. Of small rows up to 1024, as a file costs some
    milliseconds whatever it holds: as many as take 4 MiB and leave the run at least 64 chunks to share out.
    """
    row = bytes_needed(arrays, 1)
    more = min(MOST_ROWS, _USUAL_CHUNK // row, rows // _SHARED)
    return max(more, min(_USUAL_ROWS, max(1, _LARGEST_CHUNK // row)))


def bytes_needed(arrays: dict[str, dict[str, Any]], rows: int) -> int:
    """Size of ``rows`` rows on disk before compression."""
    row = sum(np.dtype(entry["dtype"]).itemsize * math.prod(entry["shape"]) for entry in arrays.values())
    return rows * (row + 1)


def layouts(manifest: dict[str, Any]) -> dict[str, Layout]:
    """The arrays of a store by name, ``status`` last, from a manifest that was checked."""
    rows, chunk = manifest["images"]["count"], manifest["chunk"]
    entries = {**manifest["arrays"], STATUS: {"shape": [], "dtype": "uint8"}}
    return {
        name: Layout(name, rows, chunk, tuple(entry["shape"]), entry["dtype"], _axes(name, entry))
        for name, entry in entries.items()
    }


def map_axes(entry: dict[str, Any]) -> tuple[str, ...]:
    """What the axes of one map are called, by a manifest's entry of the attributions."""
    return tuple(entry.get("axes", PICTURE))


def _axes(name: str, entry: dict[str, Any]) -> tuple[str, ...]:
    """What the axes after the row are called. ``target`` is an array, which no axis may be called."""
    own = ("y", "x") if name == "heatmap" else map_axes(entry)
    own = own if len(entry["shape"]) >= len(own) else ()
    return (NUMBER,) * (len(entry["shape"]) - len(own)) + own


def check_entry(name: Any, entry: Any) -> None:
    """A :class:`ValueError` where a manifest's entry of an array is none that could be stored."""
    if not re.fullmatch(r"\w[\w .-]{0,99}", name) or name == STATUS:
        raise ValueError(f"an array cannot be called {name[:100]!r}")
    shape, dtype = (entry.get("shape"), entry.get("dtype")) if isinstance(entry, dict) else (None, None)
    if not isinstance(dtype, str) or dtype not in _DTYPES:
        raise ValueError(f"`{name}` must be of one of the types {', '.join(_DTYPES)}, got {repr(dtype)[:80]}")
    axes = entry.get("axes", [*PICTURE])
    words = isinstance(axes, list) and all(isinstance(axis, str) and axis.isidentifier() for axis in axes)
    if not words or not 0 < len({*axes}) == len(axes) <= 8 or {ROW, NUMBER} & {*axes}:
        raise ValueError(f"`{name}` must have axes that are called by different words, got {repr(axes)[:80]}")
    if not isinstance(shape, list) or len(shape) > 8 or not all(type(n) is int and n > 0 for n in shape):
        raise ValueError(f"`{name}` must have a shape of positive whole numbers, got {repr(shape)[:80]}")
