"""Who writes a store: one process for each chunk, known by locks that go with their process.

Locks are :func:`fcntl.flock`'s, so a killed process leaves none that holds once it is gone. Where there is no
flock (Windows, some network file systems) nothing is locked, and a warning says so.
"""

from __future__ import annotations

import contextlib
import errno
import math
import os
import re
import socket
import time
import warnings
from pathlib import Path

from pyxai.engine.errors import InputError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

DYING = 2.0
"""Seconds for which a process that was killed may still hold its locks: its memory is cleared first."""

_GUARD = "manifest.json"  # held while the locks themselves are looked at
_NO_LINK = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_NAME = re.compile(r"\.writing-(\d{1,9})-of-(\d{1,9})")


def locked(file: int, wait: float = 0.0) -> bool | None:
    """Lock an open file or folder for as long as it is open.

    Args:
        file: its descriptor.
        wait: seconds for which another process may go on holding it.

    Returns:
        True; False where another process holds it; None where the file system has no locks.
    """
    if fcntl is None:
        return None
    end = time.monotonic() + wait
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except OSError as error:
            if error.errno != errno.EWOULDBLOCK:
                return None
        if time.monotonic() >= end:
            return False
        time.sleep(0.02)


class Writing:
    """While this lasts no other process may write the chunks of one shard. A context manager.

    Args:
        store: where the store is, or will be.
        shard: (i, n), the chunks i, i + n, i + 2n, …

    Raises:
        InputError: another process writes some of them, and still did after two seconds.
    """

    def __init__(self, store: Path, shard: tuple[int, int]):
        self._store = store
        self._shard = shard
        self._own = store / f".writing-{shard[0]}-of-{shard[1]}"
        self._held: int | None = None
        self._taken = False

    def __enter__(self) -> Writing:
        if (self._store / _GUARD).exists():
            self.take()
        return self

    def take(self) -> None:
        """Take the lock of a store that is there now, if it is not taken."""
        if self._taken:
            return
        guard = os.open(self._store / _GUARD, os.O_RDWR | _NO_LINK)
        try:
            if locked(guard, wait=math.inf) is None:
                warnings.warn(
                    f"files of {self._store} cannot be locked: see to it that no other process writes its "
                    f"shard {self._name(self._shard)}",
                    stacklevel=3,
                )
            else:
                self._refuse_others()
                self._held = os.open(self._own, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
                locked(self._held)
                os.write(self._held, f"{os.getpid()} on {socket.gethostname()}".encode())
            self._taken = True
        finally:
            os.close(guard)

    def __exit__(self, *_: object) -> None:
        if self._held is None:
            return
        with contextlib.suppress(OSError):  # the store may be gone, and another in its place
            if os.path.samestat(os.stat(self._own), os.fstat(self._held)):
                self._own.unlink()
        os.close(self._held)

    def _refuse_others(self) -> None:
        """Other living writers may have other chunks only; what dead ones left is removed."""
        for entry in list(os.scandir(self._store)):
            match = _NAME.fullmatch(entry.name)
            if match is None:
                continue
            try:
                file = os.open(entry.path, os.O_RDWR | _NO_LINK)
            except FileNotFoundError:  # its process ended meanwhile
                continue
            except OSError as error:
                raise InputError(
                    f"{self._store} is damaged: {entry.name} is no lock: {error.strerror}"
                ) from None
            try:
                other = tuple(map(int, match.groups()))
                if locked(file, wait=DYING if self._overlaps(other) else 0):
                    with contextlib.suppress(FileNotFoundError):  # its process ended by itself
                        os.unlink(entry.path)
                elif self._overlaps(other):
                    process = os.read(file, 200).decode(errors="replace").strip()
                    raise InputError(
                        f"{self._store}: shard {self._name(self._shard)} is being written: process "
                        f"{process or 'of another machine'} has {self._name(other)}; wait for it, or end it"
                    )
            finally:
                os.close(file)

    def _overlaps(self, other: tuple[int, int]) -> bool:
        """Whether i + an = j + bm for some a and b."""
        (index, count), (other_index, other_count) = self._shard, other
        return (index - other_index) % math.gcd(count, other_count) == 0

    @staticmethod
    def _name(shard: tuple[int, int]) -> str:
        return f"{shard[0]}/{shard[1]}"
