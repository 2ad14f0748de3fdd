"""Pictures of several sizes, for methods without a model: a store that holds one run for each size.

The folder has a ``manifest.json``, a ``paths.jsonl`` with every picture's row and size, and the runs in
folders called ``HEIGHTxWIDTH``, each a store like any other, committed and continued by itself.
"""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from pyxai.engine.data.ids import listing_hash
from pyxai.engine.data.source import Listing, Source, described
from pyxai.engine.errors import InputError
from pyxai.engine.job import Job
from pyxai.engine.status import PENDING
from pyxai.engine.store.plain import plain
from pyxai.engine.store.reader import Run
from pyxai.methods.explanation import Explanation

FORMAT = "pyxai-runs-by-size"
FORMAT_VERSION = 1


def folder(size: tuple[int, int]) -> str:
    """The name of the folder that holds the run of pictures of ``size``, (height, width)."""
    return "x".join(map(str, size))


def describe(job: Job, listing: Listing, sizes: list[tuple[int, int]], source: Source) -> dict[str, Any]:
    """The manifest of a store for ``job``: which pictures there are, by name and (height, width)."""
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "method": job.method,
        "options": plain(job.options),
        "model": None,
        "source": source.described(listing.left_out.as_json()),
        "images": {"count": len(sizes), "names": listing_hash(listing.names, map(folder, sizes))},
        "sizes": [list(size) for size in sorted(set(sizes))],
    }


def create(out: Path, described: dict[str, Any], names: list[str], sizes: list[tuple[int, int]]) -> None:
    """Build the folder of a store that is as ``described``, and move it to its place whole."""
    building = out.with_name(f".{out.name}.{uuid.uuid4().hex}")
    try:
        building.mkdir(parents=True)
        zarr.create_group(str(building))
        with open(building / "paths.jsonl", "w") as file:
            for row, (name, size) in enumerate(zip(names, sizes, strict=True)):
                file.write(json.dumps({"row": row, "path": name, "size": folder(size)}) + "\n")
        (building / "manifest.json").write_text(json.dumps(described, indent=2) + "\n")
        building.rename(out)
    except OSError as error:
        shutil.rmtree(building, ignore_errors=True)
        raise InputError(f"cannot write {out}: {error.strerror or error}") from None


def is_of(out: Path, described: dict[str, Any]) -> bool:
    """Whether the store at ``out`` holds the pictures that are ``described``, by size."""
    return is_by_size(out) and _manifest(out)["images"] == described["images"]


def left_out(path: Path) -> str:
    """What lay beside the images of the store at ``path``, of one size or several, when it was begun."""
    return described(_manifest(path)["source"].get("left_out", {}))


def _manifest(path: Path) -> dict[str, Any]:
    return json.loads((path / "manifest.json").read_text())


def is_by_size(path: str | Path) -> bool:
    """Whether the store at ``path`` holds one run for each size."""
    try:
        return _manifest(Path(path)).get("format") == FORMAT
    except (OSError, ValueError, AttributeError):
        return False


class SizedRun:
    """The explanations of pictures of several sizes, read from disk as they are asked for.

    Rows count all pictures in the order of their paths. ``run[5]`` is a batch of one; batches of more are in
    the runs of one size.

    Args:
        path: the store.

    Attributes:
        manifest: what was run on what.
        runs: (height, width) to the :class:`~pyxai.engine.store.reader.Run` of that size.
        paths: path of every row, relative to the source.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.manifest = _manifest(self.path)
        self.runs = {tuple(size): self._run(tuple(size)) for size in self.manifest["sizes"]}
        with open(self.path / "paths.jsonl") as file:
            entries = [json.loads(line) for line in file]
        self.paths = [entry["path"] for entry in entries]
        self._sizes = [tuple(map(int, entry["size"].split("x"))) for entry in entries]

    def _run(self, size: tuple[int, int]) -> Run:
        try:
            return Run(self.path / folder(size))
        except InputError:
            raise InputError(
                f"{self.path} has not begun with the size {folder(size)}: use --resume"
            ) from None

    @cached_property
    def _places(self) -> list[tuple[Run, int]]:
        """The run and the row within it of every row."""
        rows = {size: iter(range(len(run))) for size, run in self.runs.items()}
        return [(self.runs[size], next(rows[size])) for size in self._sizes]

    def __len__(self) -> int:
        return len(self.paths)

    def __repr__(self) -> str:
        sizes = f"{len(self.runs)} sizes"
        return f"<SizedRun {self.path}: {self.manifest['method']} of {len(self)} images of {sizes}>"

    @property
    def status(self) -> np.ndarray:
        """(N,) uint8, the codes of :mod:`pyxai.engine.status`, as they are on disk now."""
        status = {id(run): run.status for run in self.runs.values()}
        return np.array([status[id(run)][row] for run, row in self._places], np.uint8)

    @property
    def complete(self) -> bool:
        """Whether no row is pending."""
        return bool((self.status != PENDING).all())

    @property
    def errors(self) -> list[dict[str, Any]]:
        """``row``, ``path``, ``status`` and ``reason`` of every row that failed."""
        rows = {path: row for row, path in enumerate(self.paths)}
        found = [error for run in self.runs.values() for error in run.errors]
        return sorted(({**error, "row": rows[error["path"]]} for error in found), key=lambda e: e["row"])

    def image(self, row: int) -> np.ndarray:
        """The picture of one row: uint8 (H, W, C), as of a
        :class:`~pyxai.engine.store.reader.Run`."""
        run, place = self._places[row]
        return run.image(place)

    def __getitem__(self, row: int) -> Explanation:
        if not isinstance(row, int):
            raise ValueError("images of several sizes are read one by one, or from `runs[height, width]`")
        run, place = self._places[row]
        return run[place]

    def __iter__(self) -> Iterator[Explanation]:
        return (self[row] for row in range(len(self)))
