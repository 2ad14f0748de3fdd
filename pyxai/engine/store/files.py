"""Files of a store, which may come from anyone: no link is followed, nothing waits for a pipe, and nothing is
taken that is larger or nested deeper than what a run writes.
"""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

MOST_JSON = 2**24
"""Bytes of a JSON file."""

MOST_LINE = 2**20
"""Bytes of a line of a text file."""

_DEEPEST = 64  # objects and lists within each other


def open_regular(path: Path, mode: str = "rb", buffering: int = -1) -> BinaryIO:
    """A file, opened as by :func:`open` in a binary ``mode``.

    Raises:
        OSError: it is not there, or no regular file: a link, a folder, a pipe, a device.
    """
    file = open(path, mode, buffering, opener=_open)  # noqa: SIM115  handed out
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "is no regular file", str(path))
    return file


def _open(path: str, flags: int) -> int:
    if os.path.islink(path):
        raise OSError(errno.ELOOP, "is a link", path)
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0), 0o666)


def why(error: OSError | ValueError) -> str:
    """The error in a few words, with the name of the file but not its folder."""
    if not isinstance(error, OSError):
        return str(error)
    return f"{Path(error.filename or '').name}: {error.strerror}"


def read_json(path: Path) -> Any:
    """What a JSON file holds.

    Raises:
        OSError: as :func:`open_regular`.
        ValueError: it is no JSON, larger than :data:`MOST_JSON`, or nested too deeply.
    """
    with open_regular(path) as file:
        text = file.read(MOST_JSON + 1)
    if len(text) > MOST_JSON:
        raise ValueError(f"{path.name} is larger than {MOST_JSON} bytes")
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError(f"{path.name} is nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"{path.name} is no JSON: {error}") from None
    if _deeper(value, _DEEPEST):
        raise ValueError(f"{path.name} is nested too deeply")
    return value


_PLAIN = str | int | float | None


def _deeper(value: Any, most: int) -> bool:
    """Whether more than ``most`` lists and objects lie within each other."""
    level = [value]
    for _ in range(most + 1):
        groups = [entry.values() if isinstance(entry, dict) else entry for entry in level]
        level = [entry for group in groups if not isinstance(group, _PLAIN) for entry in group]
    return bool(level)


def json_lines(path: Path) -> Iterator[dict[str, Any] | None]:
    """The object on each line of a text file; None where there is none, as on a line torn by a kill."""
    with open_regular(path) as file:
        while line := file.readline(MOST_LINE):
            try:
                entry = json.loads(line)
            except (ValueError, RecursionError):
                entry = None
            yield entry if isinstance(entry, dict) else None


def append(path: Path, entries: list[dict[str, Any]]) -> None:
    """Append lines in one write, so that processes sharing a store do not tear each other's lines. They are
    on the disk when this returns.
    """
    text = "".join(json.dumps(entry) + "\n" for entry in entries).encode()
    with open_regular(path, "a+b", 0) as file:
        if file.seek(0, os.SEEK_END) and os.pread(file.fileno(), 1, file.tell() - 1) != b"\n":
            text = b"\n" + text  # the last line was torn: leave it alone
        written = file.write(text)
        if written != len(text):
            file.write(text[written:])  # which says why: a full disk, or a limit of the size of files
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        os.fsync(file.fileno())
