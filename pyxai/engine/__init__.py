"""The data set engine: images in, a store of explanations out.

Importing this package costs nothing; torch and zarr are imported by what is used.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pyxai.engine.errors import InputError, RunError, StrictStop
from pyxai.engine.job import Job
from pyxai.engine.preprocess import Preprocess

if TYPE_CHECKING:
    from pyxai.engine.reader import Run
    from pyxai.engine.report import Progress, Summary
    from pyxai.engine.sizes import SizedRun

__all__ = ["InputError", "Job", "Preprocess", "RunError", "StrictStop", "open", "run"]


def run(job: Job, progress: Progress | None = None) -> Summary:
    """Carry out ``job``, see :func:`pyxai.engine.runner.run`."""
    from pyxai.engine.runner import run

    return run(job, progress)


def open(path: str | Path) -> Run | SizedRun:
    """Read a store back, see :class:`pyxai.engine.reader.Run`; of pictures of several sizes, a
    :class:`pyxai.engine.sizes.SizedRun`.
    """
    from pyxai.engine.reader import Run
    from pyxai.engine.sizes import SizedRun, is_by_size

    return SizedRun(path) if is_by_size(path) else Run(path)
