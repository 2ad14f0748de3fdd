"""What a run says while it works."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO


class Progress:
    """Hears of a run's progress; this one says nothing."""

    def begin(self, total: int, done: int) -> None:
        """``done`` of ``total`` rows are there already."""

    def doing(self, what: str, limited: bool = True) -> None:
        """``what`` is done until the next call: the words for it if the process ends or hangs meanwhile.

        Args:
            what: as in "explaining row 7, cat.png".
            limited: whether it is a step that takes about as long for any image, not loading or capturing.
        """

    def advance(self, rows: int, failed: int) -> None:
        """``rows`` more came out, ``failed`` of them without a result."""

    def end(self) -> None:
        """Nothing follows."""


class Bar(Progress):
    """A line for each step of the start, then a progress bar with images/s and the time that is left."""

    _bar = None

    def doing(self, what: str, limited: bool = True) -> None:
        if self._bar is None and not limited:
            print(f"{what} …", file=sys.stderr, flush=True)

    def begin(self, total: int, done: int) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            ProgressColumn,
            TextColumn,
            TimeRemainingColumn,
        )
        from rich.text import Text

        class Speed(ProgressColumn):
            def render(self, task):
                return Text(f"{task.speed or 0:.1f} images/s")

        columns = TextColumn("explaining"), BarColumn(), MofNCompleteColumn(), Speed(), TimeRemainingColumn()
        # rows arrive a batch at a time: a speed over the last half minute would jump at every one
        self._bar = Progress(*columns, console=Console(stderr=True), speed_estimate_period=300)
        self._task = self._bar.add_task("", total=total, completed=done)
        self._bar.start()

    def advance(self, rows: int, failed: int) -> None:
        self._bar.advance(self._task, rows)

    def end(self) -> None:
        self._bar.stop()


class _Part(Progress):
    """Hands a part's progress on to the whole's."""

    def __init__(self, whole: Progress):
        self._whole = whole

    def begin(self, total: int, done: int) -> None:
        self._whole.advance(done, 0)

    def doing(self, what: str, limited: bool = True) -> None:
        self._whole.doing(what, limited)

    def advance(self, rows: int, failed: int) -> None:
        self._whole.advance(rows, failed)


@contextmanager
def one_progress(progress: Progress, parts: int, total: int) -> Iterator[Progress]:
    """What each of ``parts`` reports to, so that ``progress`` hears of one run of ``total`` rows."""
    if parts == 1:
        yield progress
        return
    progress.begin(total, 0)
    try:
        yield _Part(progress)
    finally:
        progress.end()


class Lines(Progress):
    """A line for a log for each step of the start, then at most one in ``every`` seconds."""

    def __init__(self, every: float = 10.0, out: TextIO | None = None):
        self._every = every
        self._out = out or sys.stderr

    def doing(self, what: str, limited: bool = True) -> None:
        if not limited:
            self._say(what)

    def begin(self, total: int, done: int) -> None:
        self._total, self._done, self._begun, self._failed = total, done, done, 0
        self._start = self._said = time.monotonic()
        self._say(f"{total} images, {done} done before")

    def advance(self, rows: int, failed: int) -> None:
        self._done += rows
        self._failed += failed
        now = time.monotonic()
        if now - self._said >= self._every and self._done > self._begun:
            self._said = now
            speed = (self._done - self._begun) / (now - self._start)
            left = (self._total - self._done) / speed
            self._say(
                f"{self._done}/{self._total} images, {speed:.1f} images/s, {left:.0f} s left"
                + (f", {self._failed} failed" if self._failed else "")
            )

    def end(self) -> None:
        seconds = time.monotonic() - self._start
        self._say(f"{self._done}/{self._total} images, {seconds:.1f} s")

    def _say(self, text: str) -> None:
        print(f"{time.strftime('%H:%M:%S')} {text}", file=self._out, flush=True)
