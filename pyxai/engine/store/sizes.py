"""Pictures of several sizes, for methods without a model: a store that holds one run for each size.

The folder has a ``manifest.json``, a ``paths.jsonl`` with every picture's row and size, and the runs in
folders called ``HEIGHTxWIDTH``, each a store like any other, committed and continued by itself.
"""

from __future__ import annotations

import json
from collections import Counter
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
from pyxai.engine.store.building import building
from pyxai.engine.store.declared import COMMON, Entries, check_entries, read_manifest
from pyxai.engine.store.files import json_lines, read_json, why
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
    with building(out) as place:
        about = {key: described[key] for key in ("format", "format_version", "method")}
        zarr.create_group(str(place), attributes=about)
        with open(place / "paths.jsonl", "w") as file:
            for row, (name, size) in enumerate(zip(names, sizes, strict=True)):
                file.write(json.dumps({"row": row, "path": name, "size": folder(size)}) + "\n")
        (place / "manifest.json").write_text(json.dumps(described, indent=2) + "\n")


def stored_sizes(path: Path) -> list[tuple[str, tuple[int, int]]]:
    """Name and (height, width) of every picture in a store; an :class:`InputError` where it is damaged."""
    manifest = _manifest(path)
    try:
        return _rows(path, manifest)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is damaged: {why(error)}") from None


def left_out(path: Path) -> str:
    """What lay beside the images of the store at ``path``, of one size or several, when it was begun."""
    manifest = _manifest(path) if is_by_size(path) else read_manifest(path)
    return described(manifest["source"].get("left_out") or {})


def is_by_size(path: str | Path) -> bool:
    """Whether the store at ``path`` holds one run for each size."""
    try:
        return read_json(Path(path) / "manifest.json").get("format") == FORMAT
    except (OSError, ValueError, AttributeError):
        return False


def _manifest(path: Path) -> dict[str, Any]:
    """What ``manifest.json`` says; an :class:`InputError` where it cannot be relied on."""
    try:
        manifest = read_json(path / "manifest.json")
        if not isinstance(manifest, dict):
            raise ValueError("manifest.json must hold an object")
        check_entries(manifest, _ENTRIES)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is damaged: {why(error)}") from None
    return manifest


def _rows(path: Path, manifest: dict[str, Any]) -> list[tuple[str, tuple[int, int]]]:
    """Path and size of every row; a :class:`ValueError` where they are not those of the manifest."""
    known = {folder(tuple(size)): tuple(size) for size in manifest["sizes"]}
    count = manifest["images"]["count"]
    rows: list[tuple[str, tuple[int, int]]] = []
    for entry in json_lines(path / "paths.jsonl"):
        whole = (
            entry is not None and isinstance(entry.get("path"), str) and isinstance(entry.get("size"), str)
        )
        if not whole or entry["size"] not in known or len(rows) == count:
            raise ValueError(f"paths.jsonl: line {len(rows) + 1} is not that of row {len(rows)}")
        rows.append((entry["path"], known[entry["size"]]))
    if len(rows) != count:
        raise ValueError(f"paths.jsonl has {len(rows)} lines, there are {count} images")
    return rows


def _are_sizes(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(size, list) and len(size) == 2 and all(type(n) is int and n > 0 for n in size)
        for size in value
    )


_ENTRIES: Entries = {
    "format_version": (str(FORMAT_VERSION), lambda value: value == FORMAT_VERSION),
    **COMMON,
    "model": ("null", lambda value: value is None),
    "sizes": ("a list of heights and widths", _are_sizes),
}


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

    Raises:
        InputError: the store is damaged, or has not begun with one of the sizes.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.manifest = _manifest(self.path)
        rows = stored_sizes(self.path)
        self.paths = [path for path, _ in rows]
        self._sizes = [size for _, size in rows]
        self.runs = {tuple(size): self._run(tuple(size)) for size in self.manifest["sizes"]}
        counts = Counter(self._sizes)
        for size, run in self.runs.items():
            if counts[size] != len(run):
                raise InputError(
                    f"{self.path} is damaged: {folder(size)} has {len(run)} rows, paths.jsonl {counts[size]}"
                )

    def _run(self, size: tuple[int, int]) -> Run:
        place = self.path / folder(size)
        if place.is_symlink():
            raise InputError(f"{self.path} is damaged: {place.name} is a link")
        if not place.exists():
            raise InputError(f"{self.path} has not begun with the size {folder(size)}: use --resume")
        return Run(place)

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
        rows = {(id(run), place): row for row, (run, place) in enumerate(self._places)}
        found = [(rows[id(run), error["row"]], error) for run in self.runs.values() for error in run.errors]
        return [{**error, "row": row} for row, error in sorted(found, key=lambda pair: pair[0])]

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
