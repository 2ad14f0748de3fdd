"""All of a store read: whether its chunks decode, its checksums hold, and its parts agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pyxai.engine.data.ids import listing_hash
from pyxai.engine.errors import InputError
from pyxai.engine.status import MEANING, OK, PENDING
from pyxai.engine.store.layout import STATUS
from pyxai.engine.store.lock import Writing
from pyxai.engine.store.sizes import SizedRun, folder, is_by_size
from pyxai.engine.store.store import Store


@dataclass(frozen=True)
class Report:
    """What was found.

    Attributes:
        faults: one line for each range of rows, and for each text file, with which something is wrong.
        counts: rows by what became of them, in words.
        marked: rows that are pending again.
    """

    faults: list[str]
    counts: Counter[str]
    marked: int = 0


def verify(path: str | Path, mark: bool = False) -> Report:
    """Read all of the store at ``path``, one chunk of an array at a time.

    Args:
        path: a store, of one size or of several.
        mark: make pending every chunk with which something is wrong, so that a run does its rows again.

    Raises:
        InputError: it cannot be opened; with ``mark``, another process writes it.
    """
    path = Path(path)
    if not is_by_size(path):
        return _verify(Store(path), mark)
    faults, counts, marked = [], Counter(), 0
    for size in SizedRun(path).runs:
        part = _verify(Store(path / folder(size)), mark)
        faults += [f"{folder(size)}: {line}" for line in part.faults]
        counts += part.counts
        marked += part.marked
    return Report(faults, counts, marked)


def _verify(store: Store, mark: bool) -> Report:
    text = list(_text_faults(store))
    reasons = _reasons(store)
    wrong: dict[int, str] = {}
    counts: Counter[str] = Counter()
    marked = 0
    with ExitStack() as held:
        if mark:
            held.enter_context(Writing(store.path, (0, 1)))
        for chunk in range(store.chunks):
            rows = store.rows_of(chunk)
            found = _chunk_faults(store, chunk, counts, reasons)
            if not found:
                continue
            wrong[chunk] = "; ".join(found)
            if mark:
                store.drop(chunk)
                marked += len(rows)
    return Report(store.by_rows(wrong) + text, counts, marked)


def _chunk_faults(store: Store, chunk: int, counts: Counter[str], reasons: set[tuple[int, int]]) -> list[str]:
    """What is wrong with a chunk, each as a clause; its rows are added to ``counts``."""
    rows = store.rows_of(chunk)
    if not store.committed(chunk):
        counts["pending"] += len(rows)
        return []
    faults = [f"`{name}` {fault}" for name, fault in store.faults(chunk, (*store.arrays, STATUS)).items()]
    if faults:
        return faults
    try:
        status = store.values(STATUS, chunk)
        counts.update(MEANING[code] for code in status.tolist())
        for name in store.arrays:
            if fault := _values_fault(name, store.values(name, chunk)[status == OK]):
                faults.append(f"`{name}` {fault}")
    except InputError as error:
        return [str(error)]
    failed = [row for row, code in zip(rows, status.tolist(), strict=True) if code not in (PENDING, OK)]
    if any((row, status[row - rows.start]) not in reasons for row in failed):
        faults.append("errors.jsonl does not say why rows failed")
    return faults


def _values_fault(name: str, values: np.ndarray) -> str | None:
    """What cannot be in rows that are done."""
    if np.issubdtype(values.dtype, np.floating) and not np.isfinite(values).all():
        return "holds NaN or infinity in rows that are done"
    if name in ("target", "evaluations") and (values < 0).any():
        return "holds negative numbers in rows that are done"
    return None


def _reasons(store: Store) -> set[tuple[int, int]]:
    """(row, status) of every failure that is written down."""
    try:
        return {(entry["row"], entry["status"]) for entry in store.noted_errors()}
    except InputError:
        return set()


def _text_faults(store: Store) -> Iterator[str]:
    """What is wrong with the text files. A line torn by a kill is not: what it was of is done again."""
    try:
        names = store.names()
    except InputError as error:
        yield str(error)
    else:
        # the hash of an array file has its first and last image, too
        pictures = store.manifest["source"]["kind"] in ("folder", "zip")
        if pictures and listing_hash(names, ()) != store.manifest["images"]["names"]:
            yield "paths.jsonl does not have the names that manifest.json is of"
    for read in (store.noted_errors, store.noted_zero_maps):
        try:
            for _ in read():
                pass
        except InputError as error:
            yield str(error)
