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
from pyxai.engine.data.sources import read_row
from pyxai.engine.errors import InputError, RowError


def load_images(
    paths: str | os.PathLike | Iterable[str | os.PathLike],
    preprocess: Preprocess | Callable[[Image.Image], Any] | None = None,
) -> Tensor:
    """Read pictures as the input of a model, (N, C, H, W), in the way that a run over a data set reads them.

    Args:
        paths: one picture file, or several.
        preprocess: a :class:`pyxai.Preprocess`; or any callable that makes floats (C, H, W), a tensor or an
            array, of an upright RGB picture of Pillow's: transforms of torchvision or timm, an image
            processor of transformers. None gives RGB in [0, 1] as they are.

    Returns:
        float32 on the CPU.

    Raises:
        InputError: a file that cannot be read, with the reason; no files; or pictures that come out in
            several shapes.
    """
    files = [Path(path) for path in ([paths] if isinstance(paths, str | os.PathLike) else paths)]
    if not files:
        raise InputError("load_images: `paths` must name at least one picture, got none")
    own = _preprocessing(preprocess)
    images = [_read(file, own) for file in files]
    shapes = {tuple(image.shape): file for file, image in zip(files, images, strict=True)}
    if len(shapes) > 1:
        shown = ", ".join(f"{shape} of {file}" for shape, file in list(shapes.items())[:2])
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


def _read(file: Path, preprocess: Preprocessing) -> np.ndarray:
    if not file.is_file():
        raise InputError(f"load_images: no such file: {file}")
    notes: list[str] = []
    try:
        pixels = read_row(Single(file), file.name, preprocess, None, notes)
    except RowError as error:
        raise InputError(f"load_images: cannot read {file}: {error.reason}") from None
    for note in notes:
        warnings.warn(f"{file}: {note}", PictureWarning, stacklevel=3)
    return pixels
