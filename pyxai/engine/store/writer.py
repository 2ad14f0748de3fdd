"""Writing behind the model: chunks are committed by one thread, in the order in which they come."""

from __future__ import annotations

import errno
import queue
import threading

from pyxai.engine.errors import InputError, RunError, one_line
from pyxai.engine.store.chunk import Chunk
from pyxai.engine.store.store import Store

_AHEAD = 2
"""Chunks that may wait: of large maps each takes up to 64 MiB."""


class Writer:
    """The committing thread. A context manager; leaving it waits until everything handed over is stored.

    Whatever goes wrong on the thread is a :class:`~pyxai.engine.errors.RunError` for who hands over the next
    chunk, or leaves.

    Args:
        store: where to.
    """

    def __init__(self, store: Store):
        self._store = store
        self._queue: queue.Queue[Chunk | None] = queue.Queue(maxsize=_AHEAD)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="writer", daemon=True)

    def __enter__(self) -> Writer:
        self._thread.start()
        return self

    def __exit__(self, kind, error, trace) -> None:
        self._queue.put(None)
        self._thread.join()
        if kind is None:
            self.check()

    def put(self, chunk: Chunk) -> None:
        """Hand over a chunk that nobody changes any more."""
        self.check()
        self._queue.put(chunk)

    def check(self) -> None:
        """A :class:`RunError` where a chunk could not be stored."""
        if self._error is not None:
            raise RunError(
                f"cannot write {self._store.path}: {_sentence(self._error)} and continue with --resume"
            ) from self._error

    def _work(self) -> None:
        while (chunk := self._queue.get()) is not None:
            if self._error is None:  # after an error, drain: nobody may wait on a full queue
                try:
                    self._store.write(chunk.index, chunk.values, chunk.status, chunk.lines)
                except BaseException as error:  # raised where it is waited for
                    self._error = error


def _sentence(error: BaseException) -> str:
    """What went wrong, and what to do about it."""
    whole = "what is stored is whole:"
    code = error.errno if isinstance(error, OSError) else None
    if code in (errno.ENOSPC, errno.EDQUOT):
        return f"no space left; {whole} free some space"
    if code == errno.EFBIG:
        return f"a file would exceed the size limit of this process (ulimit -f); {whole} raise the limit"
    if code == errno.ENOENT:  # nothing can be said of what is stored
        return f"{error.strerror}: put it back, or let a new one begin in its place,"
    if isinstance(error, MemoryError):
        return f"out of memory; {whole} free some"
    if isinstance(error, OSError):
        return f"{error.strerror or error}; {whole} see to it"
    if isinstance(error, InputError):  # a file of the store is no longer what it was
        return f"{one_line(error)}; see to it"
    return f"{type(error).__name__}: {one_line(error)}; {whole} see to it"
