"""A picture file becomes 8-bit RGB (or greyscale) in one defined way, whatever its mode.

* EXIF orientation is applied, so that the model sees what a viewer shows. (In PNG files only where the tag
  comes before the pixels, so that a picture's size is known from its header.)
* 16 bits a sample keep the high byte, which is what Pillow itself does for 16-bit RGB.
* Transparency is composited over white.
* Palette, CMYK, YCbCr, 1-bit and greyscale are converted by Pillow, without colour profiles.
* Of an animation or a multi-page file the first frame is used.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageOps

_ORIENTATION = 0x0112  # EXIF tag


def _orientation(image: Image.Image) -> int:
    if image.format == "PNG" and "exif" not in image.info:
        return 1  # asking Pillow would decode the whole file in search of a late tag
    return image.getexif().get(_ORIENTATION, 1)


def upright_size(image: Image.Image) -> tuple[int, int]:
    """(height, width) after EXIF orientation, from the header alone."""
    width, height = image.size
    return (width, height) if _orientation(image) in (5, 6, 7, 8) else (height, width)


def upright(image: Image.Image, mode: str) -> Image.Image:
    """``image`` turned upright and converted to ``mode``, "RGB" or "L"."""
    turned = _orientation(image) != 1
    image.load()
    if turned:
        image = ImageOps.exif_transpose(image)
    if image.mode == "F":
        raise ValueError("32-bit float pictures have no defined range; store them as .npy")
    if image.mode.startswith("I"):
        image = _high_byte(image)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image if image.mode == mode else image.convert(mode)


def _high_byte(image: Image.Image) -> Image.Image:
    values = np.asarray(image)
    if values.min() < 0 or values.max() > 65535:
        raise ValueError("integers beyond 16 bits have no defined range; store them as .npy")
    return Image.fromarray((values >> 8).astype(np.uint8))
