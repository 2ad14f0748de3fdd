"""Decoding ahead of the model: rows in order, read by worker processes or by one thread."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import warnings
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from pyxai.engine.data.called import Called, Preprocessing
from pyxai.engine.data.preprocess import Preprocess
from pyxai.engine.data.source import Source
from pyxai.engine.data.sources import read_row
from pyxai.engine.errors import RowError, RunError

_BLOCK = 16
"""Rows of one task: enough that handing it over costs nothing, few enough that the first batch comes soon."""


class PictureWarning(UserWarning):
    """Something about a picture had to be assumed."""


@dataclass(frozen=True)
class Block:
    """Rows that were read, and what had to be assumed: sentences with the name of the first image they are
    about.
    """

    rows: list[np.ndarray | RowError]
    notes: dict[str, str]


@dataclass(frozen=True)
class Reader:
    """Reads rows of one source; what a worker is sent once."""

    source: Source
    preprocess: Preprocessing
    shape: tuple[int, int, int]

    @property
    def copies(self) -> bool:
        """Whether reading a row is no more work than copying it."""
        plain = isinstance(self.preprocess, Preprocess) and self.preprocess.resize is None
        return plain and self.source.in_memory

    def block(self, names: list[str]) -> Block:
        notes: dict[str, str] = {}
        return Block([self.row(name, notes) for name in names], notes)

    def row(self, name: str, notes: dict[str, str]) -> np.ndarray | RowError:
        found: list[str] = []
        try:
            return read_row(self.source, name, self.preprocess, self.shape, found)
        except RowError as error:
            return error
        finally:
            for note in found:
                notes.setdefault(note, name)


class Decoder:
    """A pool of decoders. Use as a context manager.

    Args:
        reader: what to read.
        workers: processes; 0 for one thread of this process, as for preprocessing that is a function, or for
            none where rows are but copied: a thread would keep the model's own waiting for longer than that
            takes.
    """

    def __init__(self, reader: Reader, workers: int):
        if isinstance(
            reader.preprocess, Called
        ):  # a function of a file of the user's cannot be sent to a process
            workers = 0
        self._task = reader.block if workers == 0 else _block
        self._workers = workers
        self._pool: Executor
        if workers == 0 and reader.copies:
            self._pool = _AtOnce()
        elif workers == 0:
            self._pool = ThreadPoolExecutor(1, thread_name_prefix="decode")
        else:  # spawned, not forked: this process already runs the threads of torch
            spawn = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(workers, spawn, initializer=_begin, initargs=(reader,))

    def __enter__(self) -> Decoder:
        return self

    def __exit__(self, *error: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def stream(
        self, rows: list[int], names: list[str], ahead: int
    ) -> Iterator[tuple[int, np.ndarray | RowError]]:
        """Every row of ``rows`` in order with its pixels, at least ``ahead`` rows being read in advance.

        What had to be assumed about a picture is a :class:`PictureWarning`, once for all pictures it is true
        of.
        """
        blocks = [rows[start : start + _BLOCK] for start in range(0, len(rows), _BLOCK)]
        depth = -(-ahead // _BLOCK) + self._workers + 1
        waiting: deque[tuple[list[int], Future]] = deque()
        following, said = iter(blocks), set()
        try:
            while True:
                for block in following:
                    with _without_interrupts():  # workers are made here: Ctrl-C is not their affair
                        task = self._pool.submit(self._task, [names[row] for row in block])
                    waiting.append((block, task))
                    if len(waiting) >= depth:
                        break
                if not waiting:
                    return
                block, result = waiting.popleft()
                read = result.result()
                for note in sorted(read.notes.keys() - said):
                    said.add(note)
                    warnings.warn(
                        f"{read.notes[note]}, and maybe others: {note}", PictureWarning, stacklevel=2
                    )
                yield from zip(block, read.rows, strict=True)
        except BrokenProcessPool:
            raise RunError(
                "a decode worker died (out of memory, or killed): continue with --resume, or --workers 0"
            ) from None


class _AtOnce(Executor):
    """Does what it is given before it returns."""

    def submit(self, task, /, *arguments, **named) -> Future:
        future: Future = Future()
        future.set_result(task(*arguments, **named))
        return future


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """SIGINT waits until the block has ended; processes that are made in it never see one."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def quiet_decoders() -> None:
    """Pillow warns about damaged metadata, which does not matter to the pixels."""
    warnings.filterwarnings("ignore", module=r"PIL\.")


_reader: Reader


def _begin(reader: Reader) -> None:
    """Start of a worker process."""
    global _reader
    _reader = reader
    quiet_decoders()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A killed parent takes its workers along; the pool itself would leave them waiting forever."""
    multiprocessing.parent_process().join()
    os._exit(1)


def _block(names: list[str]) -> Block:
    return _reader.block(names)
