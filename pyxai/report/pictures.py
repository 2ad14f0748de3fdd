"""Pictures inside a page."""

from __future__ import annotations

import base64
import io
from pathlib import Path

from PIL import Image, ImageOps

LONGEST = 320
"""Pixels of the longer side of a picture in a page; larger ones are made smaller."""

_FORMATS = ("PNG", "JPEG", "WEBP", "BMP")
_PIXELS = 50_000_000  # of a picture that is opened
_EXACT = 96  # pixels of a side, up to which every pixel may matter


def data_uri(path: Path) -> str:
    """A picture as the address that holds all of it, ``data:image/…``.

    It is decoded and written anew, so that nothing but its pixels comes into the page.

    Raises:
        ValueError: it cannot be read, or is too large.
    """
    try:
        with Image.open(path, formats=_FORMATS) as opened:
            if opened.width * opened.height > _PIXELS:
                raise ValueError(f"it has more than {_PIXELS} pixels")
            picture = ImageOps.exif_transpose(opened).convert("RGB")
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"cannot read the picture {path}: {error}") from None
    file = io.BytesIO()
    if max(picture.size) <= _EXACT:
        picture.save(file, "PNG", optimize=True)
        kind = "png"
    else:
        picture.thumbnail((LONGEST, LONGEST), Image.Resampling.LANCZOS)
        picture.save(file, "JPEG", quality=90, subsampling=0)
        kind = "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode()}"
