"""The store of a run: a Zarr v3 group that can be killed at any moment and continued.

Every array has one row per image and chunks of some of them. Each chunk is written to a temporary file and
renamed, so a chunk is there or it is not; ``status`` is written last, so a chunk whose status is there is
complete. Rows that failed, and rows not done yet, hold NaN (floats), -1 (``target``) and 0 (``evaluations``).
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import zarr

from pyxai.engine.errors import InputError, one_line
from pyxai.engine.status import OK, OUT_OF_REACH, PENDING
from pyxai.engine.store.building import building, remove_leftovers
from pyxai.engine.store.declared import check, read_manifest
from pyxai.engine.store.durable import sync
from pyxai.engine.store.files import append, json_lines, read_json, why
from pyxai.engine.store.folder import Folder
from pyxai.engine.store.layout import STATUS, bytes_needed, layouts

ERRORS = "errors.jsonl"
ZERO_MAPS = "zero_maps.jsonl"

_MOST_READ = 2**30  # bytes of one array whose checksums are compared when a run continues: about a second


class Store:
    """One run's folder.

    Attributes:
        path: the folder.
        manifest: what ``manifest.json`` says.
        rows: number of images.
        chunk: rows of a chunk.
        chunks: number of chunks.
        arrays: the Zarr arrays by name, without ``status``, which says which rows are done.

    Raises:
        InputError: the folder is no store, or a damaged one.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.manifest = read_manifest(self.path)
        try:
            group = read_json(self.path / "zarr.json")
        except (OSError, ValueError) as error:
            raise InputError(f"{self.path} is not a group of Zarr's format 3: {why(error)}") from None
        found = [group.get(key) for key in ("zarr_format", "node_type")] if isinstance(group, dict) else None
        if found != [3, "group"]:
            raise InputError(
                f"{self.path} is not a group of Zarr's format 3: its zarr.json says {repr(found)[:80]}"
            )
        self._opened = _identity(self.path)
        self.rows = self.manifest["images"]["count"]
        self.chunk = self.manifest["chunk"]
        self.chunks = -(-self.rows // self.chunk)
        self._layouts = layouts(self.manifest)
        self._folder = Folder(self.path, self._layouts.values())
        self.arrays = {name: self._folder.array(name) for name in self._layouts if name != STATUS}

    @staticmethod
    def exists(path: str | Path) -> bool:
        return os.path.lexists(path)

    @classmethod
    def create(cls, path: str | Path, manifest: dict[str, Any], names: list[str]) -> Store:
        """Build an empty store beside ``path`` and move it there whole; if another was first, open that.

        ``manifest["arrays"]`` gives each array's ``shape`` (without the row axis) and ``dtype``.
        """
        path = Path(path)
        try:
            check(manifest)
        except ValueError as error:
            raise InputError(f"cannot write {path}: {error}") from None
        with building(path) as folder:
            about = {key: manifest[key] for key in ("format", "format_version", "method")}
            about["model"] = manifest["model"] and manifest["model"]["spec"]
            group = zarr.create_group(str(folder), attributes=about)
            for layout in layouts(manifest).values():
                layout.create(group)
            _consolidate(folder)
            with open(folder / "paths.jsonl", "w") as file:
                for row, name in enumerate(names):
                    file.write(json.dumps({"row": row, "path": name}) + "\n")
            (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
            (folder / ERRORS).touch()
        return cls(path)

    def rows_of(self, chunk: int) -> range:
        return range(*self.edges(chunk))

    def edges(self, chunk: int) -> tuple[int, int]:
        """The first row of ``chunk``, and the first after it."""
        return chunk * self.chunk, min(self.rows, (chunk + 1) * self.chunk)

    def read(self, name: str, rows: range | list[int]) -> np.ndarray:
        """Rows of an array; an :class:`InputError` where they were damaged on the disk."""
        try:
            if isinstance(rows, list):
                return self.arrays[name].oindex[np.array(rows, np.int64)]
            return self.arrays[name][rows.start : rows.stop]
        except InputError:
            raise
        except (OSError, RuntimeError, ValueError) as error:  # of the decoders, for what no checksum tells
            raise InputError(f"{self.path} is damaged: `{name}` cannot be read: {one_line(error)}") from None

    def status(self) -> np.ndarray:
        """(N,) uint8, what became of each row; an :class:`InputError` where that was damaged on the disk."""
        return np.concatenate([self.values(STATUS, chunk) for chunk in range(self.chunks)])

    def status_of(self, rows: Sequence[int]) -> np.ndarray:
        """The status of some rows, in their order, uint8."""
        chunks = {row // self.chunk for row in rows}
        read = {chunk: self.values(STATUS, chunk) for chunk in chunks}
        return np.array([read[row // self.chunk][row % self.chunk] for row in rows], np.uint8)

    def values(self, name: str, chunk: int) -> np.ndarray:
        """The rows of one chunk of an array or of ``status``, without Zarr's detour; fill values where there
        is none.

        Raises:
            InputError: it was damaged on the disk.
        """
        return self._folder.values(name, chunk)[: len(self.rows_of(chunk))]

    def pending(self, chunks: Iterable[int], failed: bool = False) -> list[int]:
        """The rows of ``chunks`` that are to be done.

        Args:
            failed: whether those are that failed, too, for another reason than that they were out of reach.
        """
        rows: list[int] = []
        for chunk in chunks:
            own = self.rows_of(chunk)
            status = self.values(STATUS, chunk)
            undone = status != OK if failed else np.isin(status, (PENDING, OUT_OF_REACH))
            rows += (own.start + np.flatnonzero(undone)).tolist()
        return rows

    def names(self) -> list[str]:
        """The relative path of every row."""
        names: list[str] = []
        try:
            for entry in json_lines(self.path / "paths.jsonl"):
                name = entry.get("path") if entry and entry.get("row") == len(names) else None
                if not isinstance(name, str) or not _is_inside(name) or len(names) == self.rows:
                    raise ValueError(f"paths.jsonl: line {len(names) + 1} is not that of row {len(names)}")
                names.append(name)
            if len(names) != self.rows:
                raise ValueError(f"paths.jsonl has {len(names)} lines, there are {self.rows} images")
        except (OSError, ValueError) as error:
            raise InputError(f"{self.path} is damaged: {why(error)}") from None
        return names

    def write(
        self, chunk: int, values: dict[str, np.ndarray], status: np.ndarray, lines: dict[str, list[dict]]
    ) -> None:
        """Commit one chunk, with the ``lines`` for each text file. Until the end it counts as it did before.

        Raises:
            OSError: it cannot be written, also where the store is no longer at its place.
        """
        self.check_there()
        for name in self.arrays:
            self._folder.put(name, chunk, values[name])
        for name, entries in lines.items():
            append(self.path / name, entries)
        self.check_there()  # else a store in its place would take these rows for its own
        self._folder.put(STATUS, chunk, status)
        sync(self.path / STATUS / "c")
        self.check_there()

    def check_there(self) -> None:
        """An :class:`OSError` where the store was deleted, moved or replaced since it was opened."""
        try:
            found = _identity(self.path)
        except FileNotFoundError:
            found = None
        if found != self._opened:
            raise OSError(errno.ENOENT, "it was deleted, moved or replaced meanwhile", str(self.path))

    def committed(self, chunk: int) -> bool:
        """Whether the status of ``chunk`` was written."""
        return self._folder.has_status(chunk)

    def faults(self, chunk: int, contents: Iterable[str]) -> dict[str, str]:
        """What is wrong with the files of a committed chunk, by array, as the rest of a sentence.

        Args:
            contents: the arrays whose checksums are compared, too.
        """
        found = {name: self._folder.fault(name, chunk, name in contents) for name in self._layouts}
        return {name: fault for name, fault in found.items() if fault is not None}

    def clean(self, chunks: Iterable[int], failed: bool = False) -> list[str]:
        """Remove what killed processes left in ``chunks``, and those that are not whole on the disk.

        Presence and lengths are looked at, and checksums of arrays of up to a gibibyte: the others may take
        longer to read than a run may take to begin. Chunks with rows that are to be done, as of
        :meth:`pending`, are read whole in any case.

        Returns:
            One line for each range of rows that was done and has to be done again.
        """
        remove_leftovers(self.path)
        chunks = list(chunks)
        self._folder.remove_partial(chunks)
        small = [name for name, at in self._layouts.items() if at.chunk_bytes * len(chunks) <= _MOST_READ]
        lost: dict[int, str] = {}
        for chunk in chunks:
            if not self._folder.has_status(chunk):
                self.drop(chunk)
            elif faults := self.faults(chunk, small) or self._faults_of_begun(chunk, failed):
                lost[chunk] = " and ".join(f"`{name}` {fault}" for name, fault in faults.items())
                self.drop(chunk)
        return self.by_rows(lost)

    def _faults_of_begun(self, chunk: int, failed: bool) -> dict[str, str]:
        return self.faults(chunk, self._layouts) if self.pending([chunk], failed) else {}

    def drop(self, chunk: int) -> None:
        """Make ``chunk`` one that is not begun."""
        self._folder.remove(chunk)

    def by_rows(self, texts: dict[int, str]) -> list[str]:
        """One line for each range of neighbouring chunks of which the same is said."""
        lines: list[str] = []
        first = None
        for chunk in sorted(texts):
            first = chunk if first is None else first
            if texts.get(chunk + 1) != texts[chunk]:
                rows = f"rows {self.rows_of(first).start} to {self.rows_of(chunk).stop - 1}"
                lines.append(f"{rows}: {texts[chunk]}")
                first = None
        return lines

    def errors(self) -> list[dict[str, Any]]:
        """``row``, ``path``, ``status`` and ``reason`` of every failed row, by row."""
        status = self.status()
        found = {entry["row"]: entry for entry in self.noted_errors()}
        return [found[row] for row in sorted(found) if status[row] == found[row]["status"]]

    def zero_maps(self) -> list[dict[str, Any]]:
        """``row``, ``path`` and number of ``maps`` of every result with maps of zeros, by row."""
        found = {entry["row"]: entry for entry in self.noted_zero_maps()}
        status = self.status() if found else []
        return [found[row] for row in sorted(found) if status[row] == OK]

    def noted_errors(self) -> Iterator[dict[str, Any]]:
        """What ``errors.jsonl`` says, of rows that were done again in between too."""
        return self._lines(ERRORS, {"path": str, "status": int, "reason": str})

    def noted_zero_maps(self) -> Iterator[dict[str, Any]]:
        """What ``zero_maps.jsonl`` says, if it is there."""
        there = os.path.lexists(self.path / ZERO_MAPS)
        return self._lines(ZERO_MAPS, {"path": str, "maps": int}) if there else iter(())

    def _lines(self, name: str, kinds: dict[str, type]) -> Iterator[dict[str, Any]]:
        """The whole lines of a text file about rows of the run; a torn one is left out."""
        try:
            for entry in json_lines(self.path / name):
                row = entry.get("row") if entry else None
                whole = type(row) is int and 0 <= row < self.rows
                if whole and all(isinstance(entry.get(key), kind) for key, kind in kinds.items()):
                    yield entry
        except OSError as error:
            raise InputError(f"{self.path} is damaged: {name}: {error.strerror}") from None

    def record(self, entry: dict[str, Any]) -> None:
        """Append what one process did to ``runs.jsonl``."""
        append(self.path / "runs.jsonl", [entry])


def _identity(path: Path) -> tuple[int, ...]:
    """What tells the store at ``path`` from one that is put in its place, also by its inode."""
    found = os.stat(path / "manifest.json", follow_symlinks=False)
    return found.st_dev, found.st_ino, found.st_mtime_ns


def _is_inside(name: str) -> bool:
    """Whether a row's path stays within its source."""
    path = PurePosixPath(name)
    return bool(name) and "\0" not in name and not path.is_absolute() and ".." not in path.parts


def _consolidate(folder: Path) -> None:
    """Say in the group what arrays there are, so that readers need not list a folder that has other files."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Consolidated metadata")  # which Zarr's format 3 only tolerates
        zarr.consolidate_metadata(str(folder))


def nearest_folder(path: Path) -> Path:
    """The nearest thing above ``path`` that exists."""
    return next(parent for parent in path.absolute().parents if os.path.lexists(parent))


def check_space(path: Path, arrays: dict[str, dict], rows: int) -> None:
    """An :class:`InputError` where ``rows`` rows may not fit on the disk of ``path``."""
    needed, free = bytes_needed(arrays, rows), shutil.disk_usage(nearest_folder(path)).free
    if needed > free:
        raise InputError(
            f"{path} needs {_size(needed)}, {_size(free)} are free: keep less (--keep heatmap, --store-dtype "
            "float16) or use another disk"
        )


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"
