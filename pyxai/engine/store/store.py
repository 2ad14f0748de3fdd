"""The store of a run: a Zarr v3 group that can be killed at any moment and continued.

Every array has one row per image and chunks of 64 rows. Each chunk is written to a temporary file and
renamed, so a chunk is there or it is not; ``status`` is written last, so a chunk whose status is there is
complete. Rows that failed, and rows not done yet, hold NaN (floats), -1 (``target``) and 0 (``evaluations``).
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from pyxai.engine.errors import InputError
from pyxai.engine.job import CHUNK
from pyxai.engine.status import OK, PENDING

FORMAT = "pyxai-run"
FORMAT_VERSION = 1

ERRORS = "errors.jsonl"
ZERO_MAPS = "zero_maps.jsonl"

_FILL = {"target": -1, "predicted": -1, "evaluations": 0}


class Store:
    """One run's folder.

    Attributes:
        path: the folder.
        manifest: what ``manifest.json`` says.
        rows: number of images.
        chunks: number of chunks.
    """

    def __init__(self, path: str | Path, mode: str = "r"):
        self.path = Path(path)
        try:
            self.manifest = json.loads((self.path / "manifest.json").read_text())
            self.group = zarr.open_group(str(self.path), mode=mode)
        except (OSError, ValueError) as error:
            raise InputError(f"{self.path} is not a run of pyxai: {error}") from None
        found = (self.manifest.get("format"), self.manifest.get("format_version"))
        if found != (FORMAT, FORMAT_VERSION):
            raise InputError(f"{self.path} has the format {found}, not {(FORMAT, FORMAT_VERSION)}")
        self.rows = self.manifest["images"]["count"]
        self.chunks = -(-self.rows // CHUNK)
        write_all = {"write_empty_chunks": True}  # else a chunk of fill values is deleted, not written
        self.arrays = {name: self.group[name].with_config(write_all) for name in self.manifest["arrays"]}
        self.status = self.group["status"].with_config(write_all)

    @staticmethod
    def exists(path: str | Path) -> bool:
        return os.path.lexists(path)

    @classmethod
    def create(cls, path: str | Path, manifest: dict[str, Any], names: list[str]) -> Store:
        """Build an empty store beside ``path`` and move it there whole; if another was first, open that.

        ``manifest["arrays"]`` gives each array's ``shape`` (without the row axis) and ``dtype``.
        """
        path = Path(path)
        building = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
        try:
            building.mkdir(parents=True)
            group = zarr.create_group(str(building))
            for name, entry in {**manifest["arrays"], "status": {"shape": [], "dtype": "uint8"}}.items():
                group.create_array(
                    name,
                    shape=(len(names), *entry["shape"]),
                    chunks=(CHUNK, *entry["shape"]),
                    dtype=entry["dtype"],
                    fill_value=fill_value(name, entry["dtype"]),
                )
            with open(building / "paths.jsonl", "w") as file:
                for row, name in enumerate(names):
                    file.write(json.dumps({"row": row, "path": name}) + "\n")
            (building / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
            (building / ERRORS).touch()
            building.rename(path)
        except FileExistsError:
            shutil.rmtree(building, ignore_errors=True)
        except OSError as error:
            shutil.rmtree(building, ignore_errors=True)
            if not (path / "manifest.json").exists():
                raise InputError(f"cannot write {path}: {error.strerror or error}") from None
        return cls(path, mode="r+")

    def rows_of(self, chunk: int) -> range:
        return range(chunk * CHUNK, min(self.rows, (chunk + 1) * CHUNK))

    def pending(self, chunks: Iterable[int]) -> list[int]:
        """Those of ``chunks`` that are not committed."""
        status = self.status[:]
        return [chunk for chunk in chunks if status[chunk * CHUNK] == PENDING]

    def names(self) -> list[str]:
        """The relative path of every row."""
        with open(self.path / "paths.jsonl") as file:
            return [json.loads(line)["path"] for line in file]

    def write(
        self, chunk: int, values: dict[str, np.ndarray], status: np.ndarray, lines: dict[str, list[dict]]
    ) -> None:
        """Commit one chunk, with the ``lines`` for each text file. Until the end it counts as not begun."""
        rows = self.rows_of(chunk)
        window = slice(rows.start, rows.stop)
        for name, array in self.arrays.items():
            array[window] = values[name]
        for name, entries in lines.items():
            _append(self.path / name, entries)
        self.status[window] = status

    def clean(self, chunks: Iterable[int]) -> None:
        """Remove the temporary files that a killed process left in ``chunks``."""
        stems = {str(chunk) for chunk in chunks}
        for name in (*self.arrays, "status"):
            root = self.path / name / "c"
            flat = len(self.group[name].shape) == 1
            for entry in os.scandir(root) if root.is_dir() else ():
                if entry.name.partition(".")[0] not in stems:
                    continue
                leftovers = [entry.path] if flat else Path(entry.path).rglob("*.partial")
                for leftover in leftovers:
                    if str(leftover).endswith(".partial"):
                        os.unlink(leftover)

    def errors(self) -> list[dict[str, Any]]:
        """``row``, ``path``, ``status`` and ``reason`` of every failed row, by row."""
        status = self.status[:]
        found = {entry["row"]: entry for entry in _lines(self.path / ERRORS)}
        return [found[row] for row in sorted(found) if status[row] == found[row]["status"]]

    def zero_maps(self) -> list[dict[str, Any]]:
        """``row``, ``path`` and number of ``maps`` of every result with maps of zeros, by row."""
        status = self.status[:]
        path = self.path / ZERO_MAPS
        found = {entry["row"]: entry for entry in _lines(path)} if path.exists() else {}
        return [found[row] for row in sorted(found) if status[row] == OK]

    def record(self, entry: dict[str, Any]) -> None:
        """Append what one process did to ``runs.jsonl``."""
        _append(self.path / "runs.jsonl", [entry])


def fill_value(name: str, dtype: str) -> float | int:
    """What an array holds in rows that have no result."""
    return float("nan") if np.issubdtype(np.dtype(dtype), np.floating) else _FILL.get(name, 0)


def bytes_needed(arrays: dict[str, dict], rows: int) -> int:
    """Size of ``rows`` rows on disk before compression."""
    row = sum(np.dtype(entry["dtype"]).itemsize * int(np.prod(entry["shape"])) for entry in arrays.values())
    return rows * (row + 1)


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


def _append(path: Path, entries: list[dict]) -> None:
    """Append lines in one write, so that processes sharing a store do not tear each other's lines."""
    text = "".join(json.dumps(entry) + "\n" for entry in entries).encode()
    with open(path, "a+b", buffering=0) as file:
        if file.seek(0, os.SEEK_END) and os.pread(file.fileno(), 1, file.tell() - 1) != b"\n":
            text = b"\n" + text  # the last line was torn: leave it alone
        if file.write(text) != len(text):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


def _lines(path: Path) -> Iterator[dict]:
    """The whole lines of a JSON-lines file; a line torn by a full disk or a kill is left out."""
    with open(path, "rb") as file:
        for line in file:
            try:
                yield json.loads(line)
            except ValueError:
                continue
