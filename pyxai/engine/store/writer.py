"""Writing behind the model: chunks are committed by one thread, in the order in which they were finished."""

from __future__ import annotations

import errno
import queue
import threading
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pyxai.engine.errors import RunError
from pyxai.engine.status import OK
from pyxai.engine.store.layout import fill_value
from pyxai.engine.store.store import ERRORS, ZERO_MAPS, Store


@dataclass
class Chunk:
    """The rows of one chunk while they come in.

    Attributes:
        index: number of the chunk.
        rows: its rows.
        values: array name to what is to be stored; rows without a result keep the fill value.
        status: (rows,) uint8; 0 while a row is still to come.
        lines: file name to what is appended to that text file of the store.
    """

    index: int
    rows: range
    values: dict[str, np.ndarray]
    status: np.ndarray
    lines: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    @classmethod
    def empty(cls, store: Store, index: int) -> Chunk:
        rows = store.rows_of(index)
        values = {
            name: np.full((len(rows), *entry["shape"]), fill_value(name, entry["dtype"]), entry["dtype"])
            for name, entry in store.manifest["arrays"].items()
        }
        return cls(index, rows, values, np.zeros(len(rows), np.uint8))

    def fail(self, row: int, path: str, status: int, reason: str) -> None:
        """``row`` has no result, or one that is not to be used."""
        self.status[row - self.rows.start] = status
        self._line(ERRORS, {"row": row, "path": path, "status": status, "reason": reason})

    def fill(self, row: int, values: dict[str, np.ndarray], place: int) -> None:
        """``row`` has the result number ``place`` of ``values``."""
        for name, array in self.values.items():
            array[row - self.rows.start] = values[name][place]
        self.status[row - self.rows.start] = OK

    def note_zeros(self, row: int, path: str, maps: int) -> None:
        """``maps`` of the maps of ``row`` are zero throughout, which is a result."""
        self._line(ZERO_MAPS, {"row": row, "path": path, "maps": maps})

    def _line(self, file: str, entry: dict[str, Any]) -> None:
        self.lines.setdefault(file, []).append(entry)


class Writer:
    """The committing thread. A context manager; leaving it waits until everything handed over is stored.

    Args:
        store: where to.
        committed: called on the thread with each chunk that is stored.
    """

    def __init__(self, store: Store, committed):
        self._store = store
        self._committed = committed
        self._queue: queue.Queue[Chunk | None] = queue.Queue(maxsize=4)
        self._error: OSError | None = None
        self._thread = threading.Thread(target=self._work, name="writer", daemon=True)

    def __enter__(self) -> Writer:
        self._thread.start()
        return self

    def __exit__(self, kind, error, trace) -> None:
        self._queue.put(None)
        self._thread.join()
        if kind is None:
            self._check()

    def put(self, chunk: Chunk) -> None:
        """Hand over a finished chunk; a :class:`RunError` where an earlier one could not be stored."""
        self._check()
        self._queue.put(chunk)

    def _check(self) -> None:
        if self._error is None:
            return
        full = self._error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        cause = "no space left" if full else self._error.strerror or str(self._error)
        raise RunError(
            f"cannot write {self._store.path}: {cause}; what is stored is whole: "
            f"{'free some space' if full else 'see to it'} and continue with --resume"
        )

    def _work(self) -> None:
        while (chunk := self._queue.get()) is not None:
            if self._error is None:  # after an error, drain: nobody may wait on a full queue
                try:
                    self._store.write(chunk.index, chunk.values, chunk.status, chunk.lines)
                except OSError as error:
                    self._error = error
                else:
                    self._committed(chunk)
