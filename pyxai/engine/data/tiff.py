"""TIFF files of any number of channels, which Pillow does not read, or of which it drops all but three."""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from PIL.TiffImagePlugin import ImageFileDirectory_v2

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _ORIENTATION, _CHANNELS = 256, 257, 258, 259, 274, 277
_STRIPS, _STRIP_SIZES, _ROWS, _PLANAR, _PREDICTOR = 273, 279, 278, 284, 317
_TILE_WIDTH, _TILE_HEIGHT, _TILES, _TILE_SIZES, _KIND = 322, 323, 324, 325, 339
_BEGINNINGS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_DEFLATE = (8, 32946)
_DTYPES = {
    (1, 8): "u1",
    (1, 16): "u2",
    (2, 16): "i2",
    (1, 32): "u4",
    (2, 32): "i4",
    (3, 32): "f4",
    (3, 64): "f8",
}


def is_tiff(file: BinaryIO) -> bool:
    """Whether ``file``, which is at its beginning afterwards, is a TIFF."""
    file.seek(0)
    head = file.read(4)
    file.seek(0)
    return head in _BEGINNINGS


@dataclass(frozen=True)
class Stack:
    """The first page of a TIFF: its samples as they are stored.

    Attributes:
        tags: of its directory.
        order: "<" or ">", of its bytes.
    """

    tags: ImageFileDirectory_v2
    order: str

    @classmethod
    def of(cls, file: BinaryIO) -> Stack:
        """The directory of ``file``, which is at its beginning and goes back there."""
        head = file.read(16)
        tags = ImageFileDirectory_v2(head if head[2:4] in (b"+\0", b"\0+") else head[:8])
        file.seek(tags.next)
        tags.load(file)
        file.seek(0)
        return cls(tags, "<" if head[:2] == b"II" else ">")

    def _number(self, tag: int, default: int | None = None) -> int:
        value = self.tags.get(tag, default)
        value = value[0] if isinstance(value, tuple) and value else value
        if not isinstance(value, int) or value < 0:
            raise ValueError(f"TIFF: tag {tag} is {value!r}")
        return value

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return self._number(_HEIGHT), self._number(_WIDTH)

    @property
    def channels(self) -> int:
        return self._number(_CHANNELS, 1)

    @property
    def is_deep_colour(self) -> bool:
        """Whether it has several channels of more than 8 bits."""
        return self.channels > 1 and self._number(_BITS, 1) > 8

    def _dtype(self) -> np.dtype:
        bits, kinds = self.tags.get(_BITS, (1,)), self.tags.get(_KIND, (1,))
        same = len({*bits}) == 1 and len({*kinds}) == 1
        name = _DTYPES.get((kinds[0], bits[0])) if same else None
        if name is None:
            raise ValueError(
                f"TIFF: samples of {'/'.join(map(str, bits))} bits of several channels are not read"
            )
        return np.dtype(self.order + name)

    def read(self, file: BinaryIO) -> np.ndarray:
        """Every sample, (C, H, W) in the machine's byte order.

        Raises:
            ValueError: it is stored in a way that is not read here, or damaged.
        """
        compression, predictor = self._number(_COMPRESSION, 1), self._number(_PREDICTOR, 1)
        if compression not in (1, *_DEFLATE) or predictor not in (1, 2):
            raise ValueError(
                f"TIFF of {self.channels} channels, compression {compression} and predictor {predictor}: "
                "store it uncompressed or with deflate, or as .npy"
            )
        if self._number(_ORIENTATION, 1) != 1:
            raise ValueError(f"TIFF of {self.channels} channels that is to be turned")
        dtype = self._dtype()
        if predictor == 2 and dtype.kind == "f":
            raise ValueError("TIFF: the predictor for integers on floats")
        (height, width), channels = self.size, self.channels
        if not (height and width and channels):
            raise ValueError("TIFF without pixels")
        if _TILES in self.tags:
            block = self._number(_TILE_HEIGHT), self._number(_TILE_WIDTH)
            offsets, counts = self.tags[_TILES], self.tags[_TILE_SIZES]
        else:
            block = min(self._number(_ROWS, height), height), width
            offsets, counts = self.tags[_STRIPS], self.tags[_STRIP_SIZES]
        if not (block[0] and block[1]) or block[0] > 16 * height + 1024 or block[1] > 16 * width + 1024:
            raise ValueError(f"TIFF: blocks of {block[0]}x{block[1]} pixels")
        together = self._number(_PLANAR, 1) == 1
        depth = channels if together else 1  # channels of one block
        down, across = math.ceil(height / block[0]), math.ceil(width / block[1])
        if not len(offsets) == len(counts) == down * across * (1 if together else channels):
            raise ValueError("TIFF: the number of blocks does not fit")
        result = np.zeros((channels, height, width), dtype.newbyteorder("="))
        for index, (offset, count) in enumerate(zip(offsets, counts, strict=True)):
            plane, place = divmod(index, down * across)
            top, left = place // across * block[0], place % across * block[1]
            rows = min(block[0], height - top) if _TILES not in self.tags else block[0]
            stored = self._block(file, offset, count, rows * block[1] * depth * dtype.itemsize, compression)
            pixels = np.frombuffer(stored, dtype).reshape(rows, block[1], depth).astype(result.dtype)
            if predictor == 2:
                pixels = np.cumsum(pixels, axis=1, dtype=result.dtype)
            part = result[plane : plane + depth, top : top + rows, left : left + block[1]]
            part[:] = pixels[: part.shape[1], : part.shape[2]].transpose(2, 0, 1)
        return result

    @staticmethod
    def _block(file: BinaryIO, offset: int, count: int, size: int, compression: int) -> bytes:
        """``size`` bytes of one strip or tile, and never more."""
        file.seek(offset)
        stored = file.read(min(count, 2 * size + 1024))
        if compression in _DEFLATE:
            stored = zlib.decompressobj().decompress(stored, size)
        if len(stored) < size:
            raise ValueError("TIFF: image file is truncated")
        return stored[:size]
