"""The data set engine: images in, a store of explanations out.

Importing this package costs nothing; torch and zarr are imported by what is used.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pyxai.engine.data.preprocess import Preprocess
from pyxai.engine.errors import InputError, RunError, StrictStop
from pyxai.engine.job import Job

if TYPE_CHECKING:
    from pyxai.engine.runner.progress import Progress, Summary
    from pyxai.engine.store.reader import Run
    from pyxai.engine.store.sizes import SizedRun

__all__ = ["InputError", "Job", "Preprocess", "RunError", "StrictStop", "open", "run"]


def run(job: Job, progress: Progress | None = None) -> Summary:
    """Carry out ``job``, see :func:`pyxai.engine.runner.loop.run`."""
    from pyxai.engine.runner.loop import run

    return run(job, progress)


def open(path: str | Path) -> Run | SizedRun:
    """Read a store back, see :class:`pyxai.engine.store.reader.Run`; of pictures of several sizes, a
    :class:`pyxai.engine.store.sizes.SizedRun`.
    """
    from pyxai.engine.store.reader import Run
    from pyxai.engine.store.sizes import SizedRun, is_by_size

    return SizedRun(path) if is_by_size(path) else Run(path)
