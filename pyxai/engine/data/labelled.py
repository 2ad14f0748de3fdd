"""Pictures with classes: a tree or zip with one folder for each class."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pyxai.dxai.data import LabelledImages
from pyxai.dxai.networks import check_size
from pyxai.engine.data.called import Called, Preprocessing
from pyxai.engine.data.sources import open_source, read_row
from pyxai.engine.errors import InputError, RowError
from pyxai.engine.status import WRONG_SIZE

CACHE = 2**31  # bytes of decoded images that are kept; of more, none


def labelled_images(data: Path, preprocess: Preprocessing) -> tuple[LabelledImages, int]:
    """The pictures of a tree with one folder for each class, and their side in pixels.

    Every picture is decoded once, so that damaged ones are known before any work.
    """
    if isinstance(preprocess, Called):
        raise InputError(
            f"the preprocessing of {preprocess.name} is a function, behind which black and white are not "
            "known: return settings in place of it"
        )
    source = open_source(data)
    names = source.names()
    folders = [name.partition("/")[0] if "/" in name else "" for name in names]
    if source.kind == "array" or "" in folders:
        raise InputError(f"{data} must have one folder of pictures for each class")
    classes = sorted(set(folders))
    labels = np.array([classes.index(folder) for folder in folders])

    def pixels(row: int, shape: tuple[int, ...] | None) -> np.ndarray:
        try:
            return np.array(read_row(source, names[row], preprocess, shape))  # a copy can be written to
        except RowError as error:
            wrong_size = error.status == WRONG_SIZE
            reason = "its size does not fit: use --image-size" if wrong_size else error.reason
            raise InputError(f"{names[row]}: {reason}") from None

    shape = pixels(0, None).shape
    if shape[1] != shape[2]:
        raise InputError(f"pictures must be square, got {shape[1]}x{shape[2]}: use --image-size")
    check_size(shape[1])
    decoded: Callable[[int], np.ndarray] = lru_cache(maxsize=None)(lambda row: pixels(row, shape))
    if len(names) * int(np.prod(shape)) > CACHE:
        decoded = decoded.__wrapped__
    with ThreadPoolExecutor() as threads:
        for _ in threads.map(lambda row: decoded(row) is None, range(len(names))):
            pass

    def read(row: int) -> Tensor:
        return preprocess.normalise(torch.from_numpy(decoded(row))[None])[0]

    digest = hashlib.blake2b("\n".join(names).encode(), digest_size=8).hexdigest()
    identity = f"{len(names)} pictures, names {digest}"  # files may be repaired, or lie elsewhere
    return LabelledImages(read, labels, tuple(classes), identity), shape[1]
