"""Run a job: decode ahead, explain, commit behind."""

from __future__ import annotations

import datetime
import os
import time
import warnings
from pathlib import Path

import numpy as np
import torch

from pyxai.engine.data.decode import Decoder, Reader
from pyxai.engine.errors import RowError, RunError, StrictStop, one_line
from pyxai.engine.job import Job
from pyxai.engine.runner.begin import out_of_memory
from pyxai.engine.runner.by_size import split
from pyxai.engine.runner.check import checked, share
from pyxai.engine.runner.distributed import World, world
from pyxai.engine.runner.prepare import Clock, Prepared, prepare
from pyxai.engine.runner.progress import Progress, Summary, one_progress, together
from pyxai.engine.status import MODEL_FAILED, OK, PENDING, RESULT_NOT_FINITE
from pyxai.engine.store.lock import Writing
from pyxai.engine.store.results import as_arrays, not_finite, tensors, zero_maps
from pyxai.engine.store.sizes import left_out
from pyxai.engine.store.store import Store
from pyxai.engine.store.writer import Chunk, Writer


def run(job: Job, progress: Progress | None = None, imports: float = 0.0) -> Summary:
    """Carry out ``job``.

    Args:
        job: what to do.
        progress: hears how far it is.
        imports: seconds the process spent before this call, entered into the summary's ``startup``.

    Raises:
        InputError: the job cannot be done; nothing was written.
        RunError: it had to stop; what is stored is whole, and ``resume`` continues.
    """
    threads = torch.get_num_threads()
    try:
        with world() as here:
            job = checked(job)
            parts = split(job, here)
            total = sum(len(part.names or ()) for part in parts)
            clock = Clock({"imports": imports})
            with one_progress(progress or Progress(), len(parts), total) as heard:
                done = [_run(part, here, clock if part is parts[0] else Clock(), heard) for part in parts]
            here.wait()
    except OSError as error:
        raise RunError(f"{error.filename or job.out}: {error.strerror or error}") from error
    finally:
        torch.set_num_threads(threads)
    summary = together(Path(job.out), [_summary(*part) for part in done])
    summary.left_out = left_out(Path(job.out))
    return summary


def _run(job: Job, here: World, clock: Clock, progress: Progress) -> tuple[Store, int, float, dict]:
    """One store: what :func:`_summary` makes a summary of."""
    with Writing(Path(job.out), share(job, here)) as lock:
        progress.doing("loading the model and trying it on one image")
        prepared = prepare(job, here, clock)
        lock.take()
        loop = _Loop(job, prepared, progress)
        if loop.rows:
            progress.doing("capturing the model")
            prepared.capture()
        clock.lap("capture")
        rows, failed, seconds = loop.run()
    prepared.store.record(
        {
            "ended": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            "shard": list(prepared.shard),
            "batch_size": job.batch_size,
            "images": rows,
            "failed": failed,
            "seconds": round(seconds, 3),
            "startup": {name: round(lap, 3) for name, lap in clock.laps.items()},
        }
    )
    return prepared.store, rows, seconds, clock.laps


class _Loop:
    """The rows of one process, from pixels to committed chunks.

    Batches are cut from the stream of readable rows without regard to chunks; a chunk is committed when its
    last row has come out. So the size of a batch groups the work and nothing else.
    """

    def __init__(self, job: Job, prepared: Prepared, progress: Progress):
        self._job = job
        self._prepared = prepared
        self._store = prepared.store
        self._names = prepared.images.names
        self._progress = progress
        self._chunks: dict[int, Chunk] = {}
        self._batch: list[tuple[int, np.ndarray]] = []
        self._failed = 0
        index, count = prepared.shard
        self._own = range(index, self._store.chunks, count)
        for line in self._store.clean(self._own):
            warnings.warn(f"{self._store.path}: {line}; done again", stacklevel=4)
        self.rows = self._store.pending(self._own)

    def run(self) -> tuple[int, int, float]:
        """Do every pending row; returns rows, rows that failed, seconds."""
        store, images = self._store, self._prepared.images
        rows = self.rows
        total = sum(len(store.rows_of(chunk)) for chunk in self._own)
        reader = Reader(images.source, images.preprocess, images.shape)
        self._progress.begin(total, total - len(rows))
        self._progress.doing("reading the first rows")
        start = time.perf_counter()
        try:
            with Decoder(reader, self._workers()) as decoder, Writer(store, self._committed) as self._writer:
                for row, item in decoder.stream(
                    rows, self._names, 2 * max(self._job.batch_size, store.chunk)
                ):
                    if isinstance(item, RowError):
                        self._fail(row, item)
                    else:
                        self._batch.append((row, item))
                    if len(self._batch) == self._job.batch_size:
                        self._explain_batch()
                    self._progress.doing(f"reading what comes after {self._named([row])}")
                self._explain_batch()
                self._progress.doing("storing the last rows")
        finally:
            self._progress.end()
        return len(rows), self._failed, time.perf_counter() - start

    def _workers(self) -> int:
        if self._job.workers is not None:
            return self._job.workers
        return 0 if self._prepared.device.type == "cpu" else min(8, max(1, (os.cpu_count() or 1) - 1))

    def _committed(self, chunk: Chunk) -> None:
        self._progress.advance(len(chunk.rows), int((chunk.status != OK).sum()))

    def _explain_batch(self) -> None:
        batch, self._batch = self._batch, []
        if not batch:
            return
        try:
            results = self._explain(batch)
        except Exception as error:  # the model's own code may raise anything
            if out_of_memory(error):
                raise RunError("out of memory: continue with --resume and a smaller --batch-size") from error
            self._explain_singly(batch)
        else:
            self._store_results(batch, *results)

    def _explain_singly(self, batch: list[tuple[int, np.ndarray]]) -> None:
        """A batch raised: find the images that do so alone. The others come out as they would have."""
        for row, pixels in batch:
            try:
                results = self._explain([(row, pixels)])
            except Exception as error:  # as above
                self._fail(row, RowError(MODEL_FAILED, f"{type(error).__name__}: {one_line(error)}"))
            else:
                self._store_results([(row, pixels)], *results)

    def _explain(self, batch: list[tuple[int, np.ndarray]]) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """What is stored of each row, and how many of its maps are zero throughout."""
        prepared = self._prepared
        rows = [row for row, _ in batch]
        target = prepared.target
        if isinstance(target, np.ndarray):
            target = torch.from_numpy(target[rows])
        ids = torch.from_numpy(prepared.images.ids[rows])
        self._progress.doing(f"explaining {self._named(rows)}")
        explanation = prepared.explainer(prepared.input([pixels for _, pixels in batch]), target, ids=ids)
        values = as_arrays(tensors(explanation, self._job.keep), self._store.manifest["arrays"])
        return values, zero_maps(explanation)

    def _store_results(
        self, batch: list[tuple[int, np.ndarray]], values: dict[str, np.ndarray], zeros: np.ndarray
    ) -> None:
        self._progress.doing(f"storing {self._named([row for row, _ in batch])}")
        broken = not_finite(values)
        for place, (row, _) in enumerate(batch):
            chunk = self._chunk(row)
            chunk.fill(row, values, place)
            if zeros[place]:
                chunk.note_zeros(row, self._names[row], int(zeros[place]))
            if place in broken:
                self._note(chunk, row, RowError(RESULT_NOT_FINITE, f"NaN or infinity in `{broken[place]}`"))
            self._finish(chunk)

    def _named(self, rows: list[int]) -> str:
        if len(rows) == 1:
            return f"row {rows[0]}, {self._names[rows[0]]}"
        first, last = rows[0], rows[-1]
        return f"rows {first} to {last}, {self._names[first]} to {self._names[last]}"

    def _fail(self, row: int, error: RowError) -> None:
        chunk = self._chunk(row)
        self._note(chunk, row, error)
        self._finish(chunk)

    def _note(self, chunk: Chunk, row: int, error: RowError) -> None:
        if self._job.strict:
            raise StrictStop(f"row {row} ({self._names[row]}): {error.reason}; stopped because of --strict")
        chunk.fail(row, self._names[row], error.status, error.reason)
        self._failed += 1

    def _chunk(self, row: int) -> Chunk:
        index = row // self._store.chunk
        if index not in self._chunks:
            self._chunks[index] = Chunk.empty(self._store, index)
        return self._chunks[index]

    def _finish(self, chunk: Chunk) -> None:
        """Hand ``chunk`` over once all its rows are there."""
        if chunk.status.all():
            self._writer.put(self._chunks.pop(chunk.index))


def _summary(store: Store, rows: int, seconds: float, startup: dict[str, float]) -> Summary:
    every = range(store.rows)
    status = store.read("status", every)
    known = (status == OK) | (status == RESULT_NOT_FINITE)
    summary = Summary(
        store=store.path,
        images=store.rows,
        done=int((status != PENDING).sum()),
        failed=int(((status != PENDING) & (status != OK)).sum()),
        rows=rows,
        seconds=seconds,
        startup=startup,
    )
    programs, units = (store.manifest["explainer"].get(entry) for entry in ("programs", "units"))
    summary.explained = units or (programs[0].get("explained", "") if programs else "")
    summary.zero_maps = sum(entry["maps"] for entry in store.zero_maps())
    if known.any():
        if "evaluations" in store.arrays:
            summary.evaluations = float(store.read("evaluations", every)[known].mean())
        if "residual" in store.arrays:
            residual = store.read("residual", every)[known]
            residual = residual[np.isfinite(residual)]
            if residual.size:
                summary.residual_median = float(np.median(residual))
                summary.residual_max = float(residual.max())
    return summary
