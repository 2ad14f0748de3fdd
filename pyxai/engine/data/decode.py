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
from dataclasses import dataclass

import numpy as np

from pyxai.engine.data.preprocess import Preprocess
from pyxai.engine.data.sources import Source, read_row
from pyxai.engine.errors import RowError, RunError

_BLOCK = 16
"""Rows of one task: enough that handing it over costs nothing, few enough that the first batch comes soon."""


@dataclass(frozen=True)
class Reader:
    """Reads rows of one source; what a worker is sent once."""

    source: Source
    preprocess: Preprocess
    shape: tuple[int, int, int]

    def block(self, names: list[str]) -> list[np.ndarray | RowError]:
        return [self.row(name) for name in names]

    def row(self, name: str) -> np.ndarray | RowError:
        try:
            return read_row(self.source, name, self.preprocess, self.shape)
        except RowError as error:
            return error


class Decoder:
    """A pool of decoders. Use as a context manager.

    Args:
        reader: what to read.
        workers: processes; 0 for one thread of this process.
    """

    def __init__(self, reader: Reader, workers: int):
        self._task = reader.block if workers == 0 else _block
        self._workers = workers
        self._pool: Executor
        if workers == 0:
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
        """Every row of ``rows`` in order with its pixels, at least ``ahead`` rows being read in advance."""
        blocks = [rows[start : start + _BLOCK] for start in range(0, len(rows), _BLOCK)]
        depth = -(-ahead // _BLOCK) + self._workers + 1
        waiting: deque[tuple[list[int], Future]] = deque()
        following = iter(blocks)
        try:
            while True:
                for block in following:
                    waiting.append((block, self._pool.submit(self._task, [names[row] for row in block])))
                    if len(waiting) >= depth:
                        break
                if not waiting:
                    return
                block, result = waiting.popleft()
                yield from zip(block, result.result(), strict=True)
        except BrokenProcessPool:
            raise RunError("a decode worker died (out of memory, or killed)") from None


def quiet_decoders() -> None:
    """Pillow warns about damaged metadata, which does not matter to the pixels."""
    warnings.filterwarnings("ignore", module=r"PIL\.")


_reader: Reader


def _begin(reader: Reader) -> None:
    """Start of a worker process."""
    global _reader
    _reader = reader
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's affair
    quiet_decoders()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A killed parent takes its workers along; the pool itself would leave them waiting forever."""
    multiprocessing.parent_process().join()
    os._exit(1)


def _block(names: list[str]) -> list[np.ndarray | RowError]:
    return _reader.block(names)
