"""Carry out a job."""

from __future__ import annotations

import dataclasses
import datetime
import os
from pathlib import Path

import torch

from pyxai.engine.data.watch import Watch
from pyxai.engine.errors import RunError
from pyxai.engine.job import Job
from pyxai.engine.runner.begin import out_of_memory
from pyxai.engine.runner.by_size import split
from pyxai.engine.runner.check import checked, share
from pyxai.engine.runner.distributed import World, world
from pyxai.engine.runner.failures import Failures
from pyxai.engine.runner.loop import Loop
from pyxai.engine.runner.prepare import Clock, prepare
from pyxai.engine.runner.progress import Progress, one_progress
from pyxai.engine.runner.summary import Summary, summary_of, together
from pyxai.engine.store.lock import Writing
from pyxai.engine.store.sizes import left_out
from pyxai.engine.store.store import Store


def run(job: Job, progress: Progress | None = None, imports: float = 0.0) -> Summary:
    """Carry out ``job``. When this returns, every row of this process is stored, or stored to have failed.

    Args:
        job: what to do.
        progress: hears how far it is.
        imports: seconds the process spent before this call, entered into the summary's ``startup``.

    Raises:
        InputError: the job cannot be done; nothing was written.
        RunError: it had to stop; what is stored is whole, and ``resume`` continues.
    """
    threads = torch.get_num_threads()
    # code of a model may change the current folder, and a link may be led elsewhere
    job = dataclasses.replace(job, data=_real(job.data), out=os.path.abspath(job.out))
    try:
        with world() as here, Watch(Path(job.data)) as watch:
            job = checked(job)
            failures = Failures(job.max_failed)
            parts = split(job, here)
            total = sum(len(part.names or ()) for part in parts)
            clock = Clock({"imports": imports})
            with one_progress(progress or Progress(), len(parts), total) as heard:
                done = [
                    _run(part, here, watch, clock if part is parts[0] else Clock(), heard, failures)
                    for part in parts
                ]
            here.wait()
    except OSError as error:
        raise RunError(f"{error.filename or job.out}: {error.strerror or error}") from error
    except SystemExit as error:
        raise RunError(f"the model ended the program by sys.exit({error.code!r}): it must raise") from error
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:
        if out_of_memory(error):
            raise RunError("out of memory: free some, and continue with --resume") from error
        if isinstance(error, Exception):
            raise
        what = f"{type(error).__name__}: {error}"
        raise RunError(f"the model raised {what}, which is no error of an image") from error
    finally:
        torch.set_num_threads(threads)
    summary = together(Path(job.out), [summary_of(*part) for part in done])
    summary.left_out = left_out(Path(job.out))
    return summary


def _real(path: str | Path) -> str | Path:
    """The place that a path leads to; itself where it is none, which is said later."""
    try:
        return os.path.realpath(path)
    except (OSError, ValueError):
        return path


def _run(
    job: Job, here: World, watch: Watch, clock: Clock, progress: Progress, failures: Failures
) -> tuple[Store, int, float, dict]:
    """One store: what :func:`~pyxai.engine.runner.summary.summary_of` makes a summary of."""
    with Writing(Path(job.out), share(job, here)) as lock:
        progress.doing("loading the model and trying it on one image", limited=False)
        prepared = prepare(job, here, clock)
        lock.take()
        before = failures.count
        loop = Loop(job, prepared, watch, progress, failures)
        if loop.rows:
            progress.doing("capturing the model", limited=False)
            prepared.capture()
        clock.lap("capture")
        seconds = loop.do()
    prepared.store.record(
        {
            "ended": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            "shard": list(prepared.shard),
            "batch_size": job.batch_size,
            "images": len(loop.rows),
            "failed": failures.count - before,
            "seconds": round(seconds, 3),
            "startup": {name: round(lap, 3) for name, lap in clock.laps.items()},
        }
    )
    return prepared.store, len(loop.rows), seconds, clock.laps
