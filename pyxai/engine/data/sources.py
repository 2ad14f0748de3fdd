"""Where images come from: a folder or tree of pictures, a zip of one (read in place), a picture, or an array
file; each of them also as a source of clips.

A source names its images (:meth:`~pyxai.engine.data.source.Source.names`) and reads one of them. Names are
relative POSIX paths in code point order; the same tree has the same names as a folder and as a zip, hence the
same sample ids.
"""

from __future__ import annotations

import dataclasses
import os
import stat
import zipfile
from pathlib import Path

import numpy as np

from pyxai.engine.data.archive import Zip
from pyxai.engine.data.array import Array
from pyxai.engine.data.called import Preprocessing
from pyxai.engine.data.clips import Clips
from pyxai.engine.data.files import EXTENSIONS, HEAD, is_picture, open_regular, what_is
from pyxai.engine.data.folder import Folder, Single
from pyxai.engine.data.limits import Limits
from pyxai.engine.data.reasons import reasons
from pyxai.engine.data.source import Source
from pyxai.engine.errors import InputError, RowError
from pyxai.engine.status import WRONG_SIZE


def open_source(
    path: str | os.PathLike,
    limits: Limits = Limits(),  # noqa: B008  it is frozen
    frames: int | None = None,
) -> Source:
    """The source at ``path``; an :class:`InputError` where there is nothing usable.

    Args:
        path: a folder or file.
        limits: of what is unpacked.
        frames: how many frames each clip has; None for pictures, and for the clips of an array as they are.
    """
    source = _source(Path(path), limits)
    if frames is None:
        return source
    if isinstance(source, Array):
        return dataclasses.replace(source, frames=frames)
    return Clips(source.path, limits, frames, source)


def _source(path: Path, limits: Limits) -> Source:
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


def read_row(
    source: Source,
    name: str,
    preprocess: Preprocessing,
    shape: tuple[int, ...] | None,
    notes: list[str] | None = None,
) -> np.ndarray:
    """One image, or a :class:`RowError` saying why there is none.

    Args:
        shape: the (C, H, W), of clips (C, T, H, W), that every image of the run has; None where it is not
            settled yet.
        notes: is given a sentence where something about the image had to be assumed.
    """
    with reasons():
        pixels = source.read(name, preprocess, notes)
    if shape is not None and pixels.shape != tuple(shape):
        if len(pixels) != shape[0]:
            raise RowError(WRONG_SIZE, f"{len(pixels)} channels, the run's images have {shape[0]}")
        found, wanted = ("x".join(map(str, s[1:])) for s in (pixels.shape, shape))
        raise RowError(WRONG_SIZE, f"{found} pixels, the run's images have {wanted}: use --resize and --crop")
    return pixels
