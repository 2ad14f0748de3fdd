"""What a run does, written where another process reads it if the run cannot say so any more."""

from __future__ import annotations

import mmap
import struct
import time
from typing import NamedTuple

from pyxai.engine.errors import printable
from pyxai.engine.runner.progress import Progress

_HEAD = struct.Struct("=d?H")  # since, limited, bytes of the text that follows
_HALF = 2**14


class Step(NamedTuple):
    """What is done.

    Attributes:
        what: words for it, as in "explaining row 7, cat.png".
        since: when it began, by ``time.monotonic``.
        limited: whether it may not take longer than ``--timeout``.
    """

    what: str
    since: float
    limited: bool


class Notice:
    """Memory that a process shares with those it forks: one writes, the others read, also when it has died.

    So writing waits for nobody and cannot fail. Of two halves one is valid while the other is written.
    """

    def __init__(self):
        self._memory = mmap.mmap(-1, 2 + 2 * _HALF)
        self.write("starting", limited=False)

    def write(self, what: str, limited: bool) -> None:
        """``what`` begins now."""
        half = 1 - self._memory[0]
        text = printable(what).encode()[: _HALF - _HEAD.size]
        entry = _HEAD.pack(time.monotonic(), limited, len(text)) + text
        start = 2 + half * _HALF
        self._memory[start : start + len(entry)] = entry
        self._memory[0] = half

    def read(self) -> Step:
        """What was written last."""
        start = 2 + self._memory[0] * _HALF
        half = self._memory[start : start + _HALF]
        since, limited, size = _HEAD.unpack_from(half)
        return Step(half[_HEAD.size :][:size].decode(errors="ignore"), since, limited)

    def conclude(self) -> None:
        """The run has come to an end of its own, a result or an error: its exit code is to be believed."""
        self.write("ending", limited=False)
        self._memory[1] = 1

    @property
    def concluded(self) -> bool:
        return bool(self._memory[1])


class Noted(Progress):
    """Hands progress on to ``progress`` and writes down what is done."""

    def __init__(self, notice: Notice, progress: Progress):
        self._notice = notice
        self._progress = progress

    def begin(self, total: int, done: int) -> None:
        self._progress.begin(total, done)

    def doing(self, what: str, limited: bool = True) -> None:
        self._notice.write(what, limited)
        self._progress.doing(what, limited)

    def advance(self, rows: int, failed: int) -> None:
        self._progress.advance(rows, failed)

    def end(self) -> None:
        self._notice.write(self._notice.read().what, limited=False)  # an error on its way out came of that
        self._progress.end()
