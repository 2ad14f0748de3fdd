"""A picture written to a file."""

from __future__ import annotations

import errno
from pathlib import Path

from PIL import Image

_USUAL = ".png, .jpg, .webp, .tif, .bmp, .gif, .pdf"


def check_ending(path: str | Path) -> None:
    """A :class:`ValueError` where the ending of ``path`` is of no format that Pillow writes."""
    kind = Image.registered_extensions().get(Path(path).suffix.lower())
    if kind not in Image.SAVE:
        raise ValueError(f"`path` must end in {_USUAL} or in what else Pillow writes, got {str(path)!r}")


def write(picture: Image.Image, path: str | Path) -> None:
    """Write ``picture`` to ``path``, in the format of its ending.

    Raises:
        ValueError: the ending is of no format that Pillow writes.
        OSError: it cannot be written, as where there is no such folder.
    """
    path = Path(path)
    check_ending(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, f"there is no folder {path.parent}", str(path))
    picture.save(path)
