"""Samples of more than 8 bits: which values stand for black and white.

Without a range, 16 bits keep the high byte, which is what Pillow itself does for 16-bit RGB. Where a file
says how many bits are used, those are kept; where it does not and looks as if fewer were, that is said. With
a range, given by the user, samples become floats: LOW is 0, HIGH is 1, and what lies beyond is an error.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

import numpy as np
from PIL import Image

_MAXIMUM = 281  # TIFF tag MaxSampleValue
_BITS = 258  # TIFF tag BitsPerSample


def is_deep(image: Image.Image) -> bool:
    """Whether it is a grey picture of more than 8 bits."""
    return image.mode.startswith("I")


def is_deep_colour(image: Image.Image) -> bool:
    """Whether Pillow will keep the high byte of 16-bit colours; asked before the picture is decoded."""
    return image.mode.startswith("RGB") and any(
        ";16" in str(tile.args) for tile in getattr(image, "tile", ())
    )


def stated(image: Image.Image, file: BinaryIO | None) -> int | None:
    """The greatest sample that the header speaks of, or None; asked before the picture is decoded."""
    if not is_deep(image):
        return None
    if image.format == "TIFF":
        maximum, bits = (image.tag_v2.get(tag) for tag in (_MAXIMUM, _BITS))
        first = [value[0] if isinstance(value, tuple) and value else value for value in (maximum, bits)]
        if isinstance(first[0], int) and first[0] > 255:
            return first[0]
        return 2 ** first[1] - 1 if isinstance(first[1], int) and 8 < first[1] < 16 else None
    bits = _significant_bits(file) if image.format == "PNG" and file is not None else None
    return 2**bits - 1 if bits is not None and 8 <= bits < 16 else None


def _significant_bits(file: BinaryIO) -> int | None:
    """What the chunk sBIT of a grey PNG says; the file stays where it is."""
    place = file.tell()
    try:
        file.seek(8)
        for _ in range(64):
            length, kind = struct.unpack(">I4s", file.read(8))
            if kind == b"sBIT":
                return file.read(1)[0]
            if kind in (b"IDAT", b"IEND"):
                return None
            file.seek(length + 4, 1)
    except (struct.error, IndexError, OSError, ValueError):  # damaged, which decoding will find
        return None
    finally:
        file.seek(place)
    return None


def eight_bits(image: Image.Image, stated: int | None, notes: list[str] | None) -> np.ndarray:
    """A deep grey picture as uint8 (H, W).

    Args:
        stated: the greatest value that its header speaks of.
        notes: is given a sentence where fewer bits are used than are stored.
    """
    values = np.asarray(image)
    top = int(values.max(initial=0))
    if values.min(initial=0) < 0 or top > 65535:
        raise ValueError("integers beyond 16 bits have no defined range: give --range, or store them as .npy")
    if stated is not None and 0 < top <= stated < 65535:
        bits = stated.bit_length()
        if stated == 2**bits - 1:
            return (values >> (bits - 8)).astype(np.uint8)
        return np.round(values * (255 / stated)).astype(np.uint8)
    if notes is not None and 0 < top < 2**15:
        bits = max(8, top.bit_length())
        notes.append(
            f"its 16-bit samples use {bits} bits and are taken as 16, which is dark: "
            f"give --range 0,{2**bits - 1} if that is their range"
        )
    return (values >> 8).astype(np.uint8)


def note_dark(image: Image.Image, notes: list[str]) -> None:
    """Of 16-bit colour the high byte is left: say so where it is hardly used."""
    top = max(high for _, high in [*image.getextrema()][:3])
    if top < 128:
        used = f"{8 + top.bit_length()} bits" if top else "8 bits or fewer"
        notes.append(
            f"its 16-bit colours use {used} and are taken as 16, which is dark: store it as TIFF or .npy and "
            "give --range"
        )


def in_range(image: Image.Image, limits: tuple[float, float]) -> np.ndarray:
    """A deep or float picture as float32 (H, W) in [0, 1]."""
    return scaled(np.asarray(image), limits)


def planes(values: np.ndarray, limits: tuple[float, float] | None) -> np.ndarray:
    """Samples (C, H, W) as stored: uint8, or float32 in [0, 1] with a range."""
    if limits is not None:
        return scaled(values, limits) if values.dtype != np.uint8 else values.astype(np.float32) / 255
    if values.dtype == np.uint16:
        return (values >> 8).astype(np.uint8)
    if values.dtype != np.uint8:
        raise ValueError(f"samples of {values.dtype} have no defined range: give --range")
    return values


def scaled(values: np.ndarray, limits: tuple[float, float]) -> np.ndarray:
    """float32, 0 at the lower and 1 at the upper limit; a :class:`ValueError` beyond."""
    low, high = limits
    least, greatest = float(values.min()), float(values.max())
    if not (low <= least and greatest <= high):
        raise ValueError(
            f"values from {least:.6g} to {greatest:.6g} do not lie in --range {low:.6g},{high:.6g}"
        )
    found = values.astype(np.float64 if values.dtype.itemsize > 2 else np.float32)
    found -= low
    found /= high - low
    return found.astype(np.float32, copy=False)
