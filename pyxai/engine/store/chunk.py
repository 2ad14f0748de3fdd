"""The rows of one chunk while they come in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pyxai.engine.status import PENDING
from pyxai.engine.store.layout import STATUS, fill_value
from pyxai.engine.store.store import ERRORS, ZERO_MAPS, Store


@dataclass
class Chunk:
    """What is to be stored of some neighbouring rows.

    Attributes:
        index: number of the chunk.
        rows: its rows.
        values: array name to what is to be stored; rows without a result keep the fill value.
        status: (rows,) uint8; ``PENDING`` while a row is still to come.
        lines: file name to what is appended to that text file of the store.
        added: rows that came in since the last of :meth:`so_far`.
    """

    index: int
    rows: range
    values: dict[str, np.ndarray]
    status: np.ndarray
    lines: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    added: int = 0

    @classmethod
    def begun(cls, store: Store, index: int, to_come: Iterable[int]) -> Chunk:
        """Chunk ``index`` of ``store`` as it is stored, but for the rows ``to_come``."""
        rows = store.rows_of(index)
        values = {
            name: np.full((len(rows), *entry["shape"]), fill_value(name, entry["dtype"]), entry["dtype"])
            for name, entry in store.manifest["arrays"].items()
        }
        chunk = cls(index, rows, values, np.full(len(rows), PENDING, np.uint8))
        if store.committed(index):
            done = np.isin(rows, list(to_come), invert=True)
            for name, array in (*values.items(), (STATUS, chunk.status)):
                array[done] = store.values(name, index)[done]
        return chunk

    @property
    def complete(self) -> bool:
        """Whether all its rows have come."""
        return PENDING not in self.status

    def fail(self, row: int, status: int) -> None:
        """``row`` has no result, for which the reason was noted."""
        self._set(np.array([row]), status)

    def fill(self, rows: np.ndarray, values: dict[str, np.ndarray], status: np.ndarray) -> None:
        """``rows`` have the results ``values``, array name to (rows, …), and (rows,) ``status``."""
        for name, array in self.values.items():
            array[rows - self.rows.start] = values[name]
        self._set(rows, status)

    def note_error(self, row: int, path: str, status: int, reason: str) -> None:
        """Why ``row`` has no result, or one that is not to be used."""
        self._line(ERRORS, {"row": row, "path": path, "status": status, "reason": reason})

    def note_zeros(self, row: int, path: str, maps: int) -> None:
        """``maps`` of the maps of ``row`` are zero throughout, which is a result."""
        self._line(ZERO_MAPS, {"row": row, "path": path, "maps": maps})

    def so_far(self) -> Chunk:
        """What there is now, to be stored while further rows come in."""
        values = {name: array.copy() for name, array in self.values.items()}
        part = Chunk(self.index, self.rows, values, self.status.copy(), self.lines)
        self.lines, self.added = {}, 0
        return part

    def _set(self, rows: np.ndarray, status: np.ndarray | int) -> None:
        places = rows - self.rows.start
        self.added += int((self.status[places] == PENDING).sum())
        self.status[places] = status

    def _line(self, file: str, entry: dict[str, Any]) -> None:
        self.lines.setdefault(file, []).append(entry)
