"""What can be said against a job before anything is loaded."""

from __future__ import annotations

import dataclasses
import os
import tempfile
from pathlib import Path
from typing import Any

from pyxai.capture.needs import Needs
from pyxai.capture.output.kinds import KINDS
from pyxai.engine.errors import InputError, refusals
from pyxai.engine.job import Job
from pyxai.engine.runner.distributed import World
from pyxai.engine.store.store import Store, nearest_folder
from pyxai.methods import get_method


def checked(job: Job) -> Job:
    """``job`` with what its method decides filled in, and the method called by its own name.

    Raises:
        InputError: something is wrong with the job by itself.
    """
    with refusals():
        method = get_method(job.method)
    job = dataclasses.replace(job, method=method.name, keep=job.keep or method.keep)
    for name, value, choices in (
        ("--keep", job.keep, ("heatmap", "attribution", "both")),
        ("--store-dtype", job.store_dtype, ("float32", "float16")),
        ("--precision", job.precision, ("fp32", "bf16")),
        ("--output-kind", job.output_kind, KINDS),
    ):
        if value not in choices:
            raise InputError(f"{name} must be one of {', '.join(choices)}, got {value!r}")
    for name, number, least in (
        ("--batch-size", job.batch_size, 1),
        ("--rows", job.rows, 1),
        ("--workers", job.workers, 0),
        ("--frames", job.frames, 1),
        ("--limit", job.limit, 1),
    ):
        if number is not None and number < least:
            raise InputError(f"{name} must be at least {least}, got {number}")
    if job.frames is not None and not method.volumes:
        raise InputError(f"{job.method} explains pictures and no clips: leave out --frames")
    free = method.needs is Needs.NOTHING
    about_model = (job.model, job.target, job.output) != (None, None, None) or job.output_kind != "auto"
    if free and about_model:
        raise InputError(
            f"{job.method} looks at the images alone: leave out --model, --target, --output and --output-kind"
        )
    if not free and job.model is None:
        raise InputError(f"{job.method} explains a model: name it with --model")
    return job


def check_bounds(method: str, options: dict[str, Any], function: str) -> None:
    """Black and white are not known behind a function; a method that needs them must be told.

    Args:
        method: of the job, or one that it wraps.
        options: of it, filled in.
        function: name of the preprocessing.
    """
    declared = get_method(method).options()
    values = {name: options.get(name, option.default) for name, option in declared.items()}
    needed = [end for end in ("low", "high") if end in declared and end not in options]
    if needed and ("high" in declared or "black" in values.values()):
        told = " ".join(f"--set {end}=…" for end in needed)
        raise InputError(
            f"{method} needs black and white in the model's input space, which nobody knows where "
            f"preprocessing is a function, as that of {function}: give {told}"
        )
    for name in declared:
        if f"{name}_options" in declared:
            check_bounds(values[name], options.get(f"{name}_options") or {}, function)


def share(job: Job, here: World) -> tuple[int, int]:
    """(i, n): this process does the chunks i, i + n, i + 2n, …"""
    index, count = job.shard
    if not (count >= 1 and 0 <= index < count):
        raise InputError(f"--shard must be i/n with i from 0 to n - 1, got {index}/{count}")
    if here.size > 1 and count > 1:
        raise InputError("--shard and torchrun both share out the chunks: use one of them")
    return (here.rank, here.size) if here.size > 1 else job.shard


def check_out(job: Job, out: Path) -> None:
    """A store that is there already must be meant; the place of one that is not must be writable."""
    if Store.exists(out):
        refuse_existing(job, out)
        Store(out)
        return
    try:
        os.rmdir(tempfile.mkdtemp(dir=nearest_folder(out)))
    except OSError as error:
        raise InputError(f"cannot write {out}: {error.strerror}") from None


def refuse_existing(job: Job, out: Path) -> None:
    """A store that is there already is continued only where that is asked for; a file is none."""
    if out.is_file():
        raise InputError(f"{out} is a file, and a store is a folder: choose another --out")
    if not (job.resume or job.shard[1] > 1):
        raise InputError(f"{out} exists: continue it with --resume, or choose another --out")
