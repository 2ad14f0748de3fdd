"""What a job names becomes what the model is called with: the model, its preprocessing, the targets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pyxai.engine.data.called import Preprocessing
from pyxai.engine.data.files import open_regular
from pyxai.engine.data.preprocess import Preprocess
from pyxai.engine.errors import InputError, one_line, refusals
from pyxai.engine.job import Job
from pyxai.engine.models.load import LoadedModel, load_model
from pyxai.engine.models.python import named
from pyxai.engine.runner.distributed import World
from pyxai.methods.names import classes_of
from pyxai.methods.targets import is_predicted, top


def model_of(job: Job, here: World) -> tuple[LoadedModel, torch.device]:
    """The model, if the method needs one, on its device. A module that was handed in stays where it is."""
    if isinstance(job.model, nn.Module):
        parameter = next(job.model.parameters(), torch.empty(0, device="cpu"))
        return LoadedModel(job.model, Preprocess(), type(job.model).__qualname__), parameter.device
    name = job.device or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        if device.type == "cuda" and device.index is None:
            device = torch.device("cuda", here.local_rank)
        torch.empty(0, device=device)
    except Exception as error:  # unknown name, no driver, no such device
        raise InputError(f"--device {name} cannot be used: {one_line(error)}") from None
    if job.model is None:
        return LoadedModel(None, Preprocess(), ""), device
    loaded = load_model(job.model)
    if job.eval:
        loaded.model.eval()
    loaded.model.to(device)
    return loaded, device


def preprocess_of(job: Job, own: Preprocessing) -> Preprocessing:
    """The model's ``own`` preprocessing with the job's changes."""
    with refusals():
        return own.changed(job.preprocess) if job.preprocess else own


Targets = int | str | np.ndarray | Callable[[Tensor], Tensor] | None


def targets(target: Any, count: int, names: Mapping[int, str], first: bool = False) -> Targets:
    """What a job's ``target`` names: a class, classes, or a callable.

    Args:
        target: None, for which ``"predicted"`` may stand, an int, ``"topK"`` or a callable, which stay; text
            of one class or several, by number or name; ``path/file.py:NAME`` or ``package.module:NAME`` of a
            callable; or an .npy file of classes.
        count: how many images there are.
        names: class to name.
        first: whether these are the first of more images, whose classes a file may hold as well.

    Returns:
        The target, with (N,) or (N, T) int64 classes for an .npy file.
    """
    with refusals():
        if is_predicted(target, names):
            return None
        if not isinstance(target, str) or top(target, names):
            return target
    if target in names.values() or not (":" in target or target.endswith(".npy")):
        with refusals():
            classes = classes_of(target, names)
        return classes[0] if len(classes) == 1 else ",".join(map(str, classes))
    if not target.endswith(".npy"):
        found = named(target)
        if not callable(found):
            raise InputError(f"{target} must be a callable of one image's output, got {type(found).__name__}")
        return found
    try:
        with open_regular(target):
            classes = np.load(target, mmap_mode="r", allow_pickle=False)
        classes.dtype, classes.shape  # noqa: B018  an .npz has none
    except Exception as error:  # whatever a damaged or hostile file makes the reader raise
        raise InputError(f"cannot read the targets {target}: {one_line(error)}") from None
    if first and classes.ndim:
        classes = classes[:count]
    if not np.issubdtype(classes.dtype, np.integer) or classes.ndim not in (1, 2) or len(classes) != count:
        found = f"{classes.dtype} of shape {classes.shape}"
        raise InputError(f"{target} must hold integers of shape ({count},) or ({count}, T), got {found}")
    return classes.astype(np.int64)


def model_input(
    pixels: list[np.ndarray], preprocess: Preprocessing, device: torch.device, dtype: torch.dtype
) -> Tensor:
    """Pixels (C, …) of each image to (N, C, …) on ``device``."""
    return preprocess.normalise(torch.from_numpy(np.stack(pixels)).to(device)).to(dtype)
