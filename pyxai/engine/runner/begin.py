"""The store of a run: created after one image was explained, or found to be of the same run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from pyxai.engine.data.images import Images
from pyxai.engine.data.sources import read_row
from pyxai.engine.errors import InputError, RowError, one_line
from pyxai.engine.job import Job
from pyxai.engine.runner.inputs import Targets
from pyxai.engine.store.manifest import differences, manifest
from pyxai.engine.store.plain import plain
from pyxai.engine.store.results import describe, tensors
from pyxai.engine.store.store import Store, check_space
from pyxai.explainer import Explainer

_TRIED = 8
"""Images on which a model is tried before a run is refused."""

_NO_MEMORY = ("out of memory", "can't allocate memory", "bad_alloc", "alloc_failed", "not enough memory")


def create(
    job: Job,
    identified: dict[str, Any],
    explainer: Explainer,
    images: Images,
    to_input: Callable[[list[np.ndarray]], Tensor],
    target: Targets,
) -> None:
    """Create the job's store, with arrays for what the explainer gives of the first image that it can take.

    Args:
        job: the job, checked.
        identified: the :func:`~pyxai.engine.store.manifest.identity` of the run.
        explainer: with the rows of a call, which are halved until a call fits into memory.
        images: what is explained.
        to_input: from pixels (C, …) of images to the model's input.
        target: of all images.
    """

    def probe(row: int, image: Tensor) -> dict[str, dict[str, Any]]:
        chosen = target[row : row + 1] if isinstance(target, np.ndarray) else target
        return _probe(job, explainer, image, chosen)

    try:
        arrays = on_first(images, to_input, probe)
    except InputError as error:
        raise _of_a_clip(error, images) from error.__cause__
    _check_classes(target, explainer.classes)
    check_space(Path(job.out), arrays, len(images.names))
    described = manifest(
        identified,
        rows=explainer.rows,
        threads=torch.get_num_threads(),
        seed=job.seed,
        source=images.source.described(images.left_out),
        ids="BLAKE2b of the relative path, first 8 bytes, little-endian signed",
        reduce="sum",
        arrays=arrays,
        output_kind=explainer.info()["output_kind"],
        explainer=explainer.info(),
        class_names=explainer.class_names,
    )
    Store.create(job.out, described, images.names)


Made = TypeVar("Made")


def on_first(
    images: Images, to_input: Callable[[list[np.ndarray]], Tensor], work: Callable[[int, Tensor], Made]
) -> Made:
    """What ``work`` makes of the first readable image, by its row and as the model's input.

    Where the model raises on that, one of the next few will do: else an image that only costs its row in the
    middle of a run would refuse the whole run at its beginning.
    """
    raised = None
    for row in range(images.first, min(images.first + _TRIED, len(images.names))):
        try:
            pixels = images.pixels
            if row > images.first:
                pixels = read_row(images.source, images.names[row], images.preprocess, images.shape)
            return work(row, to_input([pixels]))
        except RowError:
            continue
        except Exception as error:
            if isinstance(error, TypeError | ValueError | ImportError) and error.__cause__ is None:
                raise  # it is the request, not what the model makes of this image
            raised = raised or error
    raise raised


def check_same(job: Job, store: Store, identified: dict[str, Any]) -> None:
    """The store is one that this job would have created, and has the rows it asks for."""
    found = differences(store.manifest, identified)
    if job.rows is not None and job.rows != store.manifest["rows"]:
        found.append(f"rows is {store.manifest['rows']} in the store, {job.rows} now")
    if found:
        raise InputError(f"{store.path} was made differently: {'; '.join(found)}")


def check_programs(store: Store, explainer: Explainer) -> None:
    """Bits also depend on what the model's output means and how it runs, decided when it is captured."""
    begun, now = (plain(info["programs"]) for info in (store.manifest["explainer"], explainer.info()))
    if explainer.output is not None and "output_kind" not in store.manifest:
        if not explainer.output.as_before_kinds():
            before = "one output s meant the classes (-s, s), and outputs were explained as returned"
            raise InputError(
                f"{store.path} was begun when {before}; explained is now {explainer.output.describe()}: "
                "choose another --out"
            )
        new = ("output_kind", "explained")
        now = [{name: value for name, value in entry.items() if name not in new} for entry in now]
    if begun != now:
        raise InputError(f"{store.path} was begun with the model run as {begun}, here it would be {now}")


def out_of_memory(error: BaseException) -> bool:
    """Whether ``error`` says that memory ran out, on a GPU or on the CPU, in torch or a library under it."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    said = str(error).lower()
    return isinstance(error, RuntimeError) and any(words in said for words in _NO_MEMORY)


def _of_a_clip(error: InputError, images: Images) -> InputError:
    """What a model says of an image that it cannot take, with a hint where that looks like a clip."""
    hint = "" if error.__cause__ is None else images.source.clip(images.names[images.first], images.names)
    return InputError(f"{error}; {hint}") if hint else error


def _probe(job: Job, explainer: Explainer, image: Tensor, target: Targets) -> dict[str, dict[str, Any]]:
    """Explain one image in calls of the full number of rows: what it gives. Rows are halved until it fits."""
    while True:
        try:
            explanation = explainer(image, target)
            return describe(tensors(explanation, job.keep), job.store_dtype, explanation.axes)
        except (TypeError, ValueError, ImportError) as error:
            raise InputError(one_line(error)) from error.__cause__
        except Exception as error:  # the model's own code may raise anything
            if not out_of_memory(error):
                shape = tuple(image.shape[1:])
                what = "`model`" if job.model else job.method
                raise InputError(f"{what} cannot take images of shape {shape}: {one_line(error)}") from error
            if job.rows is not None or explainer.rows == 1:
                raise InputError(f"out of memory at {explainer.rows} rows per call: lower --rows") from None
        explainer.rows //= 2


def _check_classes(target: Targets, classes: int) -> None:
    if isinstance(target, np.ndarray) and not 0 <= target.min() <= target.max() < classes:
        found = f"{target.min()} to {target.max()}"
        raise InputError(f"--target must hold classes from 0 to {classes - 1}, got {found}")
