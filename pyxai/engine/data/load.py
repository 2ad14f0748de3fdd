"""Pictures as a batch of a model's inputs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from pyxai.engine.data.preprocess import Preprocess
from pyxai.engine.data.sources import Folder, read_row
from pyxai.engine.errors import InputError, RowError


def load_images(
    paths: str | os.PathLike | Iterable[str | os.PathLike],
    preprocess: Preprocess | Callable[[Image.Image], Any] | None = None,
) -> Tensor:
    """Read pictures as the input of a model, (N, C, H, W), in the way that a run over a data set reads them.

    Args:
        paths: one picture file, or several.
        preprocess: a :class:`pyxai.Preprocess`; or any callable that makes a tensor (C, H, W), or an array,
            of an upright RGB picture of Pillow's: transforms of torchvision or timm, an image processor of
            transformers. None gives RGB in [0, 1] as they are.

    Returns:
        float32 on the CPU, of a :class:`~pyxai.engine.data.preprocess.Preprocess`; else what the callable
        gives.

    Raises:
        InputError: a file that cannot be read, with the reason; no files; or pictures that come out in
            several shapes.
    """
    files = [Path(path) for path in ([paths] if isinstance(paths, str | os.PathLike) else paths)]
    if not files:
        raise InputError("load_images: `paths` must name at least one picture, got none")
    own = Preprocess() if preprocess is None else preprocess
    reads = own if isinstance(own, Preprocess) else _Foreign(own)
    images = [_read(file, reads) for file in files]
    shapes = {tuple(image.shape): file for file, image in zip(files, images, strict=True)}
    if len(shapes) > 1:
        shown = ", ".join(f"{shape} of {file}" for shape, file in list(shapes.items())[:2])
        wanted = "come out in one shape: give a `preprocess` that resizes and crops"
        raise InputError(f"load_images: `paths` must {wanted}, got {shown}")
    if isinstance(own, Preprocess):
        return own.normalise(torch.from_numpy(np.stack(images)))
    return torch.stack(images)


class _Foreign:
    """A callable in the place of a :class:`Preprocess`."""

    mode = "RGB"

    def __init__(self, call: Callable[[Image.Image], Any]):
        if not callable(call):
            wanted = "be a pyxai.Preprocess or a callable of a picture"
            raise InputError(f"load_images: `preprocess` must {wanted}, got {type(call).__name__}")
        self._call = call

    def picture(self, image: Image.Image) -> Tensor:
        made = self._call(image)
        if isinstance(made, Mapping):  # an image processor: a batch of one
            (made,) = made["pixel_values"]
        made = made if isinstance(made, Tensor) else torch.from_numpy(np.asarray(made))
        if made.ndim != 3 or not made.is_floating_point():
            got = f"{made.dtype} of shape {tuple(made.shape)}"
            raise ValueError(f"`preprocess` must make a floating tensor (C, H, W), got {got}")
        return made


def _read(file: Path, preprocess: Preprocess | _Foreign) -> np.ndarray | Tensor:
    if not file.is_file():
        raise InputError(f"load_images: no such file: {file}")
    try:
        return read_row(Folder(file.parent), file.name, preprocess, None)
    except RowError as error:
        raise InputError(f"load_images: cannot read {file}: {error.reason}") from None
