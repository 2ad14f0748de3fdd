"""A decoded picture, turned upright, in 8-bit RGB or grey.

* EXIF orientation is applied, so that the model sees what a viewer shows. (In PNG files only where the tag
  comes before the pixels, so that a picture's size is known from its header.)
* More than 8 bits a sample: see :mod:`pyxai.engine.data.depth`.
* Transparency is composited over white.
* Palette, CMYK, YCbCr, 1-bit and greyscale are converted by Pillow, without colour profiles.
* Of an animation or a multi-page file the first frame is used.
"""

from __future__ import annotations

from typing import BinaryIO

from PIL import Image, ImageOps

from pyxai.engine.data import depth

_ORIENTATION = 0x0112  # EXIF tag
_STRIP = 2**22  # pixels that are composited over white at a time


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
