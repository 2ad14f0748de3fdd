"""A store read back as explanations."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pyxai.engine.data.limits import Limits
from pyxai.engine.data.preprocess import Preprocess
from pyxai.engine.data.sources import open_source, read_row
from pyxai.engine.errors import InputError, RowError, refusals
from pyxai.engine.status import MEANING, OK, PENDING
from pyxai.engine.store.layout import map_axes
from pyxai.engine.store.results import NUMBERS
from pyxai.engine.store.store import Store
from pyxai.methods.explanation import Explanation


class Run:
    """The explanations of a run, read from disk as they are asked for.

    ``run[5]``, ``run[10:20]``, ``run[[3, 8]]``, ``run[run.status == 1]`` and ``run["cat.jpg"]`` are batches
    of :class:`~pyxai.methods.Explanation`, iterating gives batches of one, :meth:`batches` gives larger ones.
    Where only heat maps were kept, ``attribution`` is the heat map with one channel. Rows that failed or are
    not done hold NaN; ``run.status`` says which, and ``unexplained`` of a batch why.

    Args:
        path: the store.

    Attributes:
        manifest: how the run was made.
        arrays: the Zarr arrays by name, rows first; indexing them reads from disk.

    Raises:
        InputError: the folder is no store or a damaged one; from whatever reads, that rows were damaged on
            the disk.
    """

    def __init__(self, path: str | Path):
        self._store = Store(path)
        self.path = self._store.path
        self.manifest: dict[str, Any] = self._store.manifest
        self.arrays = self._store.arrays
        try:
            _check_shapes(self.manifest["arrays"])
        except ValueError as error:
            raise InputError(f"{self.path} is damaged: {error}") from None

    def __len__(self) -> int:
        return self._store.rows

    def __repr__(self) -> str:
        counts = np.bincount(self.status, minlength=len(MEANING))
        parts = ", ".join(f"{count} {MEANING[code]}" for code, count in enumerate(counts) if count)
        return f"<Run {self.path}: {self.manifest['method']} of {len(self)} images ({parts})>"

    @property
    def status(self) -> np.ndarray:
        """(N,) uint8, the codes of :mod:`pyxai.engine.status`, as they are on disk now."""
        return self._store.status()

    @property
    def complete(self) -> bool:
        """Whether no row is pending."""
        return bool((self.status != PENDING).all())

    @cached_property
    def paths(self) -> list[str]:
        """Path of every row, relative to the source."""
        return self._store.names()

    @cached_property
    def class_names(self) -> dict[int, str]:
        """Class to name, of those that had one when the run began."""
        return {int(number): name for number, name in (self.manifest.get("class_names") or {}).items()}

    @property
    def errors(self) -> list[dict[str, Any]]:
        """``row``, ``path``, ``status`` and ``reason`` of every row that failed."""
        return self._store.errors()

    @property
    def zero_maps(self) -> list[dict[str, Any]]:
        """``row``, ``path`` and number of ``maps`` of every result with maps that are zero throughout."""
        return self._store.zero_maps()

    def image(self, row: int) -> np.ndarray:
        """The picture of one row as it was explained, before normalisation, read again.

        It is uint8 (H, W, C), of a clip (T, H, W, C).

        Of channels that are no colours it is their mean, (H, W, 1).

        Raises:
            InputError: the source is gone, or no longer holds that picture; or the preprocessing was a
                function that gave images of another size, so that it is not known which part of the picture
                was explained.
        """
        stored = self.manifest["source"]
        settings, shape = self.manifest["preprocess"], self.manifest["images"]["shape"]
        called = "function" in settings
        with refusals():
            limits = Limits(**stored.get("limits") or {})
            source = open_source(stored["path"], limits, stored.get("frames"))
            preprocess = Preprocess(channels=settings["channels"]) if called else Preprocess(**settings)
        try:
            pixels = read_row(source, self.paths[row], preprocess, None if called else shape)
        except RowError as error:
            raise InputError(f"{source.path}, {self.paths[row]}: {error.reason}") from None
        if called and pixels.shape[1:] != tuple(shape[1:]):
            raise InputError(
                f"{self.path} was made with preprocessing that is a function: which part of "
                f"{self.paths[row]} was explained is not known"
            )
        if pixels.dtype != np.uint8:
            pixels = np.round(255 * pixels.clip(0, 1)).astype(np.uint8)
        if len(pixels) not in (1, 3):
            pixels = np.round(pixels.mean(0, keepdims=True)).astype(np.uint8)
        return np.moveaxis(pixels, 0, -1)

    def __getitem__(self, rows: int | str | slice | list | np.ndarray | torch.Tensor) -> Explanation:
        """The explanations of some rows, read from the disk.

        Args:
            rows: a number, from the end where it is negative; the path of one; a range with step 1; or a
                list, array or tensor of numbers or of one boolean for each row.

        Raises:
            IndexError: there is no such row.
            KeyError: no row has that path.
            TypeError, ValueError: ``rows`` is none of these.
        """
        chosen = self._chosen(rows) or range(0)  # Zarr takes no empty list
        read = {name: torch.from_numpy(self._store.read(name, chosen)) for name in self.arrays}
        heatmap = read.pop("heatmap", None)
        if "attribution" not in read:
            read["attribution"] = heatmap.unsqueeze(read["target"].ndim if "target" in read else 1)
        known = {name: read.pop(name, None) for name in ("attribution", *NUMBERS)}
        rest = {"standard_error": None, "method": self.manifest["method"], "images": None, "extras": read}
        target, units = self.manifest.get("target"), self.manifest["explainer"].get("units")
        rest["output_kind"] = self.manifest.get("output_kind")
        rest["class_names"] = self.class_names
        rest["target_name"] = target.get("callable") if isinstance(target, dict) else units or None
        rest["axes"] = self._axes()
        rest["unexplained"] = self._unexplained(chosen)
        return Explanation(**known, **rest)

    def _chosen(self, rows: Any) -> range | list[int]:
        """The numbers of rows, from 0."""
        count = len(self)
        if isinstance(rows, slice):
            chosen = range(count)[rows]
            if chosen.step != 1:
                raise ValueError(f"rows must be a range with step 1, got step {chosen.step}")
            return chosen
        if isinstance(rows, str):
            if rows not in self.paths:
                raise KeyError(f"no row has the path {rows!r}; see `paths`, and `arrays` for what is stored")
            rows = self.paths.index(rows)
        if isinstance(rows, list | np.ndarray | torch.Tensor) and np.ndim(rows) == 1:
            rows = np.asarray(rows)
            if rows.dtype == bool and len(rows) == count:
                return np.flatnonzero(rows).tolist()
            if not len(rows) or rows.dtype.kind in "iu":
                return [self._row(row) for row in rows.tolist()]
        row = self._row(rows)
        return range(row, row + 1)

    def _row(self, number: Any) -> int:
        """The number of one row, from 0."""
        try:
            row = operator.index(number)
        except TypeError:
            wanted = f"a number, a path, a range, or a list of numbers or {len(self)} booleans"
            raise TypeError(f"rows must be {wanted}, got {number!r}") from None
        if not -len(self) <= row < len(self):
            raise IndexError(f"row {row} of a run of {len(self)}")
        return row % len(self)

    def _unexplained(self, rows: range | list[int]) -> tuple[str, ...]:
        """Why each of the rows has no result; empty where all have one."""
        status = self._store.status_of(rows).tolist()
        if set(status) <= {OK}:
            return ()
        reasons = {(entry["row"], entry["status"]): entry["reason"] for entry in self._store.noted_errors()}
        words = {code: f"failed: {meaning}" for code, meaning in MEANING.items()}
        words |= {OK: "", PENDING: "pending"}
        told = {place: f"failed: {reason}" for place, reason in reasons.items()}
        return tuple(
            words[code] if code in (OK, PENDING) else told.get((row, code), words[code])
            for row, code in zip(rows, status, strict=True)
        )

    def _axes(self) -> tuple[str, ...]:
        """What the axes of one map are called."""
        arrays = self.manifest["arrays"]
        if "attribution" in arrays:
            return map_axes("attribution", arrays["attribution"])
        return ("channel", *map_axes("heatmap", arrays["heatmap"]))

    def __iter__(self) -> Iterator[Explanation]:
        for batch in self.batches():
            for row in range(len(batch)):
                yield batch[row]

    def batches(self, size: int | None = None) -> Iterator[Explanation]:
        """Every row in order, ``size`` at a time; by default as many as are stored together, 64 or fewer."""
        size = size or self._store.chunk
        for start in range(0, len(self), size):
            yield self[start : start + size]


def _check_shapes(arrays: dict[str, dict[str, Any]]) -> None:
    """A :class:`ValueError` where the arrays are not maps, and what is told of each of them."""
    name = "attribution" if "attribution" in arrays else "heatmap"
    entry = arrays.get(name, {"shape": []})
    shape, axes = entry["shape"], map_axes(name, entry)
    if not len(axes) <= len(shape) <= len(axes) + 1:
        raise ValueError("it must have a `heatmap` or an `attribution` with its axes for each row or target")
    targets, sides = shape[: -len(axes)], list(zip(axes, shape[-len(axes) :], strict=True))
    if ("target" in arrays) != ("score" in arrays) or (targets and "target" not in arrays):
        raise ValueError("`target` and `score` must be there for each map, or neither")
    wanted = {
        "heatmap": [targets + [size for axis, size in sides if axis != "channel"]],
        "attribution": [shape],
        "evaluations": [[]],
        **{number: [targets] for number in NUMBERS[:-1]},
    }
    for name, entry in arrays.items():
        if entry["shape"] not in wanted.get(name, [targets, shape]):
            raise ValueError(f"`{name}` of shape {entry['shape']} does not belong to maps of shape {shape}")
