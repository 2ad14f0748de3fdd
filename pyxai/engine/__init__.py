"""The data set engine: images in, a store of explanations out.

Importing this package costs nothing; numpy, torch and zarr are imported by what is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyxai.engine.errors import InputError, RunError, StrictStop
from pyxai.engine.job import Job

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from pyxai.engine.data.preprocess import Preprocess
    from pyxai.engine.runner.progress import Progress
    from pyxai.engine.runner.summary import Summary
    from pyxai.engine.store.reader import Run
    from pyxai.engine.store.sizes import SizedRun

__all__ = ["InputError", "Job", "Preprocess", "RunError", "StrictStop", "load_images", "open", "run"]


def __getattr__(name: str) -> Any:
    if name != "Preprocess":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from pyxai.engine.data.preprocess import Preprocess

    return Preprocess


def run(job: Job, progress: Progress | None = None) -> Summary:
    """Carry out ``job``, see :func:`pyxai.engine.runner.run.run`."""
    from pyxai.engine.runner.run import run

    return run(job, progress)


def load_images(
    paths: str | Path | Image | Iterable[str | Path | Image],
    preprocess: Preprocess | Callable[[Image], Any] | None = None,
) -> Tensor:
    """Read pictures as the input of a model, see :func:`pyxai.engine.data.load.load_images`."""
    from pyxai.engine.data.load import load_images

    return load_images(paths, preprocess)


def open(path: str | Path) -> Run | SizedRun:
    """Read a store back, see :class:`pyxai.engine.store.reader.Run`; of pictures of several sizes, a
    :class:`pyxai.engine.store.sizes.SizedRun`.
    """
    from pyxai.engine.store.reader import Run
    from pyxai.engine.store.sizes import SizedRun, is_by_size

    return SizedRun(path) if is_by_size(path) else Run(path)
