"""A picture file becomes pixels in one defined way, whatever its kind.

Pictures are turned upright and converted, see :mod:`pyxai.engine.data.upright`. A TIFF of other than one,
three or four channels is read as it is, see :mod:`pyxai.engine.data.tiff`.
"""

from __future__ import annotations

import os
from typing import BinaryIO

import numpy as np
from PIL import Image, UnidentifiedImageError

from pyxai.engine.data import depth
from pyxai.engine.data.called import Preprocessing
from pyxai.engine.data.frames import evenly
from pyxai.engine.data.limits import Limits
from pyxai.engine.data.preprocess import Preprocess
from pyxai.engine.data.tiff import Stack, is_tiff
from pyxai.engine.data.upright import turned, upright, upright_size
from pyxai.engine.errors import RowError
from pyxai.engine.status import WRONG_SIZE

FORMATS = ("JPEG", "PNG", "BMP", "DIB", "GIF", "WEBP", "TIFF", "PPM")
"""What Pillow may take a file for. Others, as EPS, which runs a program, are no pictures here, whatever they
are called.
"""

_SEVERAL = ("GIF", "WEBP", "PNG", "TIFF")  # formats whose files may be clips; a JPEG may hold a thumbnail


def opened(file: BinaryIO, limits: Limits) -> Image.Image:
    """The picture in ``file``, its header read; a :class:`ValueError` where it has too many pixels."""
    if Image.MAX_IMAGE_PIXELS is not None and limits.pixels > 2 * Image.MAX_IMAGE_PIXELS:
        Image.MAX_IMAGE_PIXELS = limits.pixels  # who allows more here allows Pillow, too
    try:
        image = Image.open(file, formats=FORMATS)
    except Image.DecompressionBombError:
        raise ValueError(f"more than {limits.pixels} pixels: see --max-pixels") from None
    limits.check_pixels(*image.size)
    return image


def size_of(file: BinaryIO, limits: Limits) -> tuple[int, int]:
    """(height, width) of a picture as it will be read, from its header alone."""
    try:
        with opened(file, limits) as image:
            return upright_size(image)
    except UnidentifiedImageError:
        return _stack(file).size


def channels_of(file: BinaryIO, limits: Limits) -> int:
    """Channels that a picture has as stored; of a palette 3."""
    if is_tiff(file):
        return _stack(file).channels
    with opened(file, limits) as image:
        return 3 if image.mode == "P" else len(image.getbands())


def pixels_of(
    file: BinaryIO, preprocess: Preprocessing, limits: Limits, notes: list[str] | None = None
) -> np.ndarray:
    """What ``preprocess`` makes of the picture in ``file``: (C, H, W), uint8 or float32.

    Args:
        notes: is given a sentence where the range of the samples had to be assumed.
    """
    try:
        with opened(file, limits) as image:
            if image.format != "TIFF" or not _is_stack(_stack(file), preprocess):
                return _pixels(image, file, preprocess, notes)
    except UnidentifiedImageError:
        if not is_tiff(file):
            raise
    stack = _stack(file)
    limits.check_pixels(stack.size[1], stack.size[0] * max(1, stack.channels // 3))
    return _planes(stack.read(file), preprocess)


def has_frames(file: BinaryIO, limits: Limits) -> bool:
    """Whether a picture is an animation, or has several pages."""
    with opened(file, limits) as image:
        return image.format in _SEVERAL and image.is_animated


def frames_of(
    file: BinaryIO, preprocess: Preprocessing, limits: Limits, count: int, notes: list[str] | None = None
) -> list[np.ndarray]:
    """What ``preprocess`` makes of ``count`` frames of the picture in ``file``, taken evenly: (C, H, W) each.

    Args:
        notes: as for :func:`pixels_of`.

    Raises:
        RowError: it has fewer frames.
        ValueError: all its frames together are too large, for those that are skipped must be decoded too.
    """
    with opened(file, limits) as image:
        if image.format == "GIF":
            _check_end(file)
        available = image.n_frames if image.format in _SEVERAL else 1
        limits.check_pixels(*image.size, available)
        places = evenly(available, count)
        if image.format == "TIFF" and _is_stack(_stack(file), preprocess):
            raise ValueError("of a TIFF of many channels or deep colours one page is read: store it as .npy")
        found = []
        for place in places:
            image.seek(place)
            limits.check_pixels(*image.size, count)  # pages may have several sizes
            found.append(_pixels(image, file, preprocess, notes))
        return found


def _check_end(file: BinaryIO) -> None:
    """A :class:`ValueError` for a GIF that is cut off: Pillow takes what is there for the whole clip."""
    place = file.tell()
    file.seek(max(0, file.seek(0, os.SEEK_END) - 64))
    ending = file.read().rstrip(b"\0\r\n ")
    file.seek(place)
    if not ending.endswith(b";"):
        raise ValueError("GIF: image file is truncated")


def _is_stack(stack: Stack, preprocess: Preprocessing) -> bool:
    """Whether Pillow would lose channels or bits that are asked for."""
    return stack.channels > 4 or preprocess.stacked or bool(preprocess.range and stack.is_deep_colour)


def _pixels(
    image: Image.Image, file: BinaryIO, preprocess: Preprocessing, notes: list[str] | None
) -> np.ndarray:
    if preprocess.stacked:
        image.load()
        return _planes(np.atleast_3d(np.asarray(image)).transpose(2, 0, 1), preprocess)
    if preprocess.range and (depth.is_deep(image) or image.mode == "F"):
        grey = preprocess.array(depth.in_range(turned(image), preprocess.range)[None])
        return np.repeat(grey, preprocess.count, 0)
    if preprocess.range and depth.is_deep_colour(image):
        raise ValueError(
            "of 16-bit colours the high byte is read, which has no --range: store it as TIFF or .npy"
        )
    pixels = preprocess.picture(upright(image, preprocess.mode, file, notes))
    return pixels.astype(np.float32) / 255 if preprocess.range else pixels  # one dtype for all rows of a run


def _stack(file: BinaryIO) -> Stack:
    """The header of a TIFF; what is none is no picture."""
    if not is_tiff(file):
        raise UnidentifiedImageError
    return Stack.of(file)


def _planes(planes: np.ndarray, preprocess: Preprocess) -> np.ndarray:
    """(C, H, W) samples as they were stored to what the model's channels are, by number."""
    if len(planes) != preprocess.count:
        raise RowError(WRONG_SIZE, f"channels: {len(planes)}, the model's input has {preprocess.count}")
    return preprocess.array(depth.planes(planes, preprocess.range))
