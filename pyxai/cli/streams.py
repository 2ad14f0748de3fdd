"""Standard output and error whose reader may leave: ``| head``, a closed terminal, ``2>&-``."""

from __future__ import annotations

import errno
import io
import os
import sys

from pyxai.engine.errors import RunError


class _Patient(io.FileIO):
    """An open descriptor to write to. What nobody is there to read any more is dropped.

    Results, on standard output, that cannot be written for another reason are a :class:`RunError`, once, and
    what follows is dropped. No work ends for a message on standard error.
    """

    def __init__(self, descriptor: int):
        super().__init__(descriptor, "w", closefd=False)
        self._left = {errno.EPIPE, errno.EIO} if self.isatty() else {errno.EPIPE}
        self._has_results = descriptor == 1
        self._failed = False

    def write(self, data) -> int | None:
        if self._failed:
            return len(data)
        try:
            return super().write(data)
        except OSError as error:
            if error.errno in self._left or not self._has_results:
                return len(data)
            self._failed = True
            raise RunError(f"cannot write to standard output: {error.strerror}") from None


def keep_streams() -> None:
    """Let this process print to the end of its work whoever listens; its exit code stays that of the work.

    Streams that somebody else has put in the place of the process's own stay.
    """
    # A descriptor that is closed would be given to the next file that is opened, such as one of a store, and
    # native code prints into it. In this order each gets its own.
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, f"__{name}__") is None:
            nothing = open(os.devnull, mode)  # noqa: SIM115  as long as the process
            setattr(sys, f"__{name}__", nothing)
            if getattr(sys, name) is None:
                setattr(sys, name, nothing)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is getattr(sys, f"__{name}__"):
            stream.flush()
            setattr(sys, name, _patient(stream))


def _patient(stream: io.TextIOWrapper) -> io.TextIOWrapper:
    raw = _Patient(stream.fileno())
    return io.TextIOWrapper(
        raw if stream.write_through else io.BufferedWriter(raw),
        stream.encoding,
        "backslashreplace",  # a character that a terminal lacks is no reason to end
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )
