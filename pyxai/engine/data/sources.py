"""Where images come from: a folder or tree of pictures, a zip of one (read in place), a picture, or an array
file.

A source names its images (:meth:`~pyxai.engine.data.source.Source.names`) and reads one of them. Names are
relative POSIX paths in code point order; the same tree has the same names as a folder and as a zip, hence the
same sample ids.
"""

from __future__ import annotations

import os
import stat
import zipfile
from pathlib import Path

import numpy as np
from PIL import UnidentifiedImageError

from pyxai.engine.data.archive import Zip
from pyxai.engine.data.array import Array
from pyxai.engine.data.called import Preprocessing
from pyxai.engine.data.files import EXTENSIONS, HEAD, is_picture, open_regular, what_is
from pyxai.engine.data.folder import Folder, Single
from pyxai.engine.data.limits import Limits
from pyxai.engine.data.source import Source
from pyxai.engine.errors import InputError, RowError, one_line
from pyxai.engine.status import OUT_OF_REACH, UNREADABLE, WRONG_SIZE


def open_source(path: str | os.PathLike, limits: Limits = Limits()) -> Source:  # noqa: B008  it is frozen
    """The source at ``path``; an :class:`InputError` where there is nothing usable."""
    path = Path(path)
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        raise InputError(f"no such file or folder: {path}") from None
    if stat.S_ISDIR(mode):
        return Folder(path.resolve(), limits)
    if kind := what_is(mode):
        raise InputError(f"{path} is {kind}: images are read from folders and regular files")
    if path.suffix.lower() in (".npy", ".npz"):
        return Array(path.resolve(), limits)
    try:
        with open_regular(path) as file:
            if path.name.lower().endswith(EXTENSIONS) or is_picture(file.read(HEAD)):
                return Single(path.resolve(), limits)
            zipped = zipfile.is_zipfile(file)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from None
    if zipped:
        return Zip(path.resolve(), limits)
    raise InputError(f"{path} is neither a folder, a zip, a picture, an .npy nor an .npz file")


def _is_of_system(error: BaseException | None) -> bool:
    """Whether the system refused something, which it may grant later."""
    return isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno is not None)


def read_row(
    source: Source,
    name: str,
    preprocess: Preprocessing,
    shape: tuple[int, ...] | None,
    notes: list[str] | None = None,
) -> np.ndarray:
    """One image, or a :class:`RowError` saying why there is none.

    Args:
        shape: the (C, H, W) every image of the run has; None where it is not settled yet.
        notes: is given a sentence where something about the image had to be assumed.
    """
    try:
        pixels = source.read(name, preprocess, notes)
    except RowError:
        raise
    except UnidentifiedImageError:  # its own message holds a memory address
        raise RowError(UNREADABLE, "not a picture, or a damaged header") from None
    except Exception as error:  # decoders raise whatever a damaged or hostile file makes them raise
        by_system = _is_of_system(error) or _is_of_system(error.__cause__)
        status = OUT_OF_REACH if by_system else UNREADABLE
        raise RowError(status, f"{type(error).__name__}: {one_line(error)}") from None
    if shape is not None and pixels.shape != tuple(shape):
        if len(pixels) != shape[0]:
            raise RowError(WRONG_SIZE, f"{len(pixels)} channels, the run's images have {shape[0]}")
        found, wanted = ("x".join(map(str, s[1:])) for s in (pixels.shape, shape))
        raise RowError(WRONG_SIZE, f"{found} pixels, the run's images have {wanted}: use --resize and --crop")
    return pixels
