"""The file of a chunk: how it is written, and whether it is whole, by its headers, which is cheap, and by
its checksum.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numcodecs import Zstd
from numcodecs.checksum32 import CRC32C

from pyxai.engine.store.files import open_regular

_MAGIC = b"\x28\xb5\x2f\xfd"
_CHECKSUM = 4  # bytes behind the frame
_LARGEST_BLOCK = 2**17
_SMALLEST_BLOCK = 2**10  # on average; compressors make them 128 kB, or a few kB where the data change


def encoded(values: np.ndarray, rows: int, fill: float | int | bool, checked: bool) -> bytes:
    """The file of a chunk that begins with ``values``, as Zarr's codecs ``bytes``, ``zstd`` and ``crc32c``
    make it; going through Zarr takes several times as long.

    Args:
        values: rows of the chunk, (at most ``rows``, …), of the type of the array.
        rows: of every chunk; the last one of an array is filled up with ``fill``.
        checked: whether a CRC32C follows the frame.
    """
    if len(values) < rows:
        filled = np.full((rows, *values.shape[1:]), fill, values.dtype)
        filled[: len(values)] = values
        values = filled
    little = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
    frame = Zstd(level=0).encode(little)
    return frame + CRC32C.checksum(frame).to_bytes(_CHECKSUM, "little") if checked else frame


def decoded(data: bytes, checked: bool) -> bytes:
    """What the file of a chunk holds; a :class:`ValueError`, the rest of a sentence, where it is damaged."""
    if checked:
        if CRC32C.checksum(data[:-_CHECKSUM]) != int.from_bytes(data[-_CHECKSUM:], "little"):
            raise ValueError("is damaged: its checksum is another")
        data = data[:-_CHECKSUM]
    try:
        return Zstd().decode(data)
    except RuntimeError:
        raise ValueError("is damaged: it cannot be decoded") from None


def file_fault(path: Path, size: int, checked: bool, contents: bool) -> str | None:
    """What is wrong with the file of a chunk, as the rest of a sentence; None where nothing is.

    Args:
        path: the file; no link may lie above it.
        size: bytes of the chunk when it is decoded.
        checked: whether a CRC32C follows the frame.
        contents: whether to read it all, too, compare its checksum and decode it.
    """
    try:
        data = read_chunk(path, size, checked, contents)
        if contents:
            decoded(data, checked)
    except FileNotFoundError:
        return "is missing"
    except ValueError as error:
        return str(error)
    return None


def read_chunk(path: Path, size: int, checked: bool, contents: bool = True) -> bytes:
    """The file of a chunk, after a look at its headers. Its checksum is left to whoever decodes it.

    Args:
        path, size, checked: as above.
        contents: whether to read it all; without, b"" is returned.

    Raises:
        FileNotFoundError: it is not there.
        ValueError: it is not whole; the message is the rest of a sentence.
    """
    try:
        with open_regular(path, buffering=0) as file:
            number = file.fileno()
            length = os.fstat(number).st_size
            fault = _frame_fault(lambda at, count: os.pread(number, count, at), length, size, checked)
            if fault is not None:
                raise ValueError(fault)
            return file.read() if contents else b""
    except FileNotFoundError:
        raise
    except OSError as error:
        own = (error.strerror or "").startswith("is ")
        raise ValueError(error.strerror if own else f"cannot be read: {error.strerror}") from None


def _frame_fault(read: Callable[[int, int], bytes], length: int, size: int, checked: bool) -> str | None:
    """Whether ``length`` bytes are one Zstandard frame of ``size`` bytes, with a checksum behind it or none.

    A frame says how much it holds, and each block of it how long it is (RFC 8878), so nothing is decoded.
    """
    head = read(0, 18)
    if head[:4] != _MAGIC or len(head) < 6:
        return "is damaged: no compressed chunk" if length else "is empty"
    flags = head[4]
    single = flags >> 5 & 1
    at = 6 - single + (0, 1, 2, 4)[flags & 3]
    width = (single, 2, 4, 8)[flags >> 6]
    holds = int.from_bytes(head[at : at + width], "little") + (256 if width == 2 else 0)
    if not width or holds != size:
        return f"is damaged: it holds {holds} bytes in place of {size}"
    at += width
    for _ in range(2 + size // _SMALLEST_BLOCK):
        bytes_ = read(at, 3)
        header = int.from_bytes(bytes_, "little")
        last, kind, count = header & 1, header >> 1 & 3, header >> 3
        at += 3 + (1 if kind == 1 else count)
        if len(bytes_) == 3 and (kind == 3 or count > _LARGEST_BLOCK or not (last or count)):
            return "is damaged: no such block"
        if at > length:
            return "is cut off"
        if last:
            at += 4 * (flags >> 2 & 1) + _CHECKSUM * checked
            return (
                None if at == length else "is cut off" if at > length else "is damaged: longer than it says"
            )
    return "is damaged: too many blocks"
