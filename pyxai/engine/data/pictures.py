"""A picture file becomes pixels in one defined way, whatever its kind.

* EXIF orientation is applied, so that the model sees what a viewer shows. (In PNG files only where the tag
  comes before the pixels, so that a picture's size is known from its header.)
* More than 8 bits a sample: see :mod:`pyxai.engine.data.depth`.
* Transparency is composited over white.
* Palette, CMYK, YCbCr, 1-bit and greyscale are converted by Pillow, without colour profiles.
* Of an animation or a multi-page file the first frame is used.
* A TIFF of other than one, three or four channels is read as it is, see :mod:`pyxai.engine.data.tiff`.
"""

from __future__ import annotations

from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from pyxai.engine.data import depth
from pyxai.engine.data.called import Preprocessing
from pyxai.engine.data.limits import Limits
from pyxai.engine.data.preprocess import Preprocess
from pyxai.engine.data.tiff import Stack, is_tiff
from pyxai.engine.errors import RowError
from pyxai.engine.status import WRONG_SIZE

FORMATS = ("JPEG", "PNG", "BMP", "DIB", "GIF", "WEBP", "TIFF", "PPM")
"""What Pillow may take a file for. Others, as EPS, which runs a program, are no pictures here, whatever they
are called.
"""

_ORIENTATION = 0x0112  # EXIF tag
_STRIP = 2**22  # pixels that are composited over white at a time


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


def _orientation(image: Image.Image) -> int:
    if image.format == "PNG" and "exif" not in image.info:
        return 1  # asking Pillow would decode the whole file in search of a late tag
    return image.getexif().get(_ORIENTATION, 1)


def upright_size(image: Image.Image) -> tuple[int, int]:
    """(height, width) after EXIF orientation, from the header alone."""
    width, height = image.size
    return (width, height) if _orientation(image) in (5, 6, 7, 8) else (height, width)


def turned(image: Image.Image) -> Image.Image:
    """``image``, decoded and turned upright."""
    turns = _orientation(image) != 1
    image.load()
    return ImageOps.exif_transpose(image) if turns else image


def upright(
    image: Image.Image, mode: str, file: BinaryIO | None = None, notes: list[str] | None = None
) -> Image.Image:
    """``image`` turned upright and converted to ``mode``, "RGB" or "L", with 8 bits a sample.

    Args:
        file: it was opened from, whose header may say how many bits are used.
        notes: is given a sentence where that is said nowhere and looks wrong.
    """
    stated = depth.stated(image, file)
    deep_colour = depth.is_deep_colour(image)
    image = turned(image)
    if image.mode == "F":
        raise ValueError("32-bit float pictures have no defined range: give --range, or store them as .npy")
    if depth.is_deep(image):
        image = Image.fromarray(depth.eight_bits(image, stated, notes))
    elif deep_colour and notes is not None:
        depth.note_dark(image, notes)
    if image.has_transparency_data:
        image = _over_white(image)
    return image if image.mode == mode else image.convert(mode)


def _over_white(image: Image.Image) -> Image.Image:
    """A strip at a time, so that a large picture is not held several times over."""
    rows = max(1, _STRIP // image.width)
    if image.height <= rows:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    whole = Image.new("RGB", image.size)
    for top in range(0, image.height, rows):
        strip = image.crop((0, top, image.width, min(top + rows, image.height)))
        strip.info = image.info  # a palette's transparency
        whole.paste(_over_white(strip).convert("RGB"), (0, top))
    return whole
