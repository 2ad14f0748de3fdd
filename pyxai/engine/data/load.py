"""Pictures as a batch of a model's inputs."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from pyxai.engine.data.called import Called, Preprocessing
from pyxai.engine.data.decode import PictureWarning
from pyxai.engine.data.folder import Single
from pyxai.engine.data.preprocess import Preprocess
from pyxai.engine.data.reasons import reasons
from pyxai.engine.data.sources import read_row
from pyxai.engine.data.upright import upright
from pyxai.engine.errors import InputError, RowError


def load_images(
    paths: str | os.PathLike | Image.Image | Iterable[str | os.PathLike | Image.Image],
    preprocess: Preprocess | Callable[[Image.Image], Any] | None = None,
) -> Tensor:
    """Read pictures as the input of a model, (N, C, H, W), in the way that a run over a data set reads them.

    Args:
        paths: one picture file, or several; pictures of Pillow's will do, too.
        preprocess: a :class:`pyxai.Preprocess`; or any callable that makes floats (C, H, W), a tensor or an
            array, of an upright RGB picture of Pillow's: transforms of torchvision or timm, an image
            processor of transformers. None gives RGB in [0, 1] as they are.

    Returns:
        float32 on the CPU.

    Raises:
        InputError: a file that cannot be read, with the reason; no files, or what is none; or pictures that
            come out in several shapes.
    """
    one = isinstance(paths, str | bytes | os.PathLike | Image.Image) or not isinstance(paths, Iterable)
    files = [paths] if one else list(paths)
    if not files:
        raise InputError("load_images: `paths` must name at least one picture, got none")
    own = _preprocessing(preprocess)
    images = [_read(file, own) for file in files]
    shapes = {tuple(image.shape): file for file, image in zip(files, images, strict=True)}
    if len(shapes) > 1:
        shown = ", ".join(f"{shape} of {_called(file)}" for shape, file in list(shapes.items())[:2])
        wanted = "come out in one shape: give a `preprocess` that resizes and crops"
        raise InputError(f"load_images: `paths` must {wanted}, got {shown}")
    return own.normalise(torch.from_numpy(np.stack(images)))


def _preprocessing(given: Any) -> Preprocessing:
    if given is None:
        return Preprocess()
    if isinstance(given, Preprocess):
        return given
    if not callable(given):
        wanted = "be a pyxai.Preprocess or a callable of a picture"
        raise InputError(f"load_images: `preprocess` must {wanted}, got {type(given).__name__}")
    return Called(given, getattr(given, "__qualname__", type(given).__name__))


def _called(file: Any) -> str:
    """What a message calls a picture."""
    return "a picture" if isinstance(file, Image.Image) else str(file)


def _read(given: Any, preprocess: Preprocessing) -> np.ndarray:
    if isinstance(given, Image.Image):
        return _read_picture(given, preprocess)
    if not isinstance(given, str | os.PathLike):
        raise InputError(f"load_images: `paths` must hold paths or pictures, got {type(given).__name__}")
    file = Path(given)
    if file.is_dir():
        wanted = "give its pictures, as in sorted(Path(…).iterdir()), or use `pyxai explain --data`"
        raise InputError(f"load_images: {file} is a folder: {wanted}")
    if not file.is_file():
        raise InputError(f"load_images: no such file: {file}")
    if file.suffix.lower() in (".npy", ".npz"):
        raise InputError(
            f"load_images: {file} is an array and no picture: give numpy.load's images to torch.from_numpy, "
            "or use `pyxai explain --data`"
        )
    notes: list[str] = []
    try:
        pixels = read_row(Single(file), file.name, preprocess, None, notes)
    except RowError as error:
        raise InputError(f"load_images: cannot read {file}: {error.reason}") from None
    for note in notes:
        warnings.warn(f"{file}: {note}", PictureWarning, stacklevel=3)
    return pixels


def _read_picture(picture: Image.Image, preprocess: Preprocessing) -> np.ndarray:
    if preprocess.stacked:
        raise InputError(
            f"load_images: a `preprocess` with {preprocess.count} channels that are no colours reads files, "
            "and no pictures of Pillow's"
        )
    try:
        with reasons():
            return preprocess.picture(upright(picture, preprocess.mode))
    except RowError as error:
        raise InputError(f"load_images: a picture cannot be read: {error.reason}") from None
