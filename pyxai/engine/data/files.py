"""Opening files that somebody else wrote: regular ones only, and what a picture begins with."""

from __future__ import annotations

import os
import stat
from typing import BinaryIO

HEAD = 32
"""Bytes by which a picture is recognised."""

EXTENSIONS = (
    ".jpg", ".jpeg", ".jfif", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm",
)  # fmt: skip

_BEGINNINGS = (
    b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+",
)  # fmt: skip
_BMP_HEADERS = (12, 40, 52, 56, 64, 108, 124)
_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
}


def what_is(mode: int) -> str:
    """What a file of this ``st_mode`` is in words; "" for a regular one."""
    return "" if stat.S_ISREG(mode) else _KINDS.get(stat.S_IFMT(mode), "no regular file")


def open_regular(path: str | os.PathLike) -> BinaryIO:
    """Open a regular file for reading.

    What is listed is looked at before it is opened. Should it be a pipe by now, opening it waits for nobody.

    Raises:
        OSError: there is none.
    """
    file = open(path, "rb", opener=_without_waiting)  # noqa: SIM115  it is returned
    mode = os.fstat(file.fileno()).st_mode
    if not stat.S_ISREG(mode):
        kind = what_is(mode)
        file.close()
        raise OSError(f"{os.fspath(path)} is {kind}")
    return file


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))  # a regular file is read as ever


def is_picture(head: bytes) -> bool:
    """Whether a file that begins with ``head`` is a picture of a kind that is read here."""
    if head.startswith(_BEGINNINGS) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP"):
        return True
    if head[:2] == b"BM":
        return int.from_bytes(head[14:18], "little") in _BMP_HEADERS
    return head[:1] == b"P" and head[1:2] in b"123456" and head[2:3].isspace() and head[3:4] in b"#0123456789"
