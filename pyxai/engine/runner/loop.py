"""The rows of one process, from pixels to committed chunks: decode ahead, explain, commit behind."""

from __future__ import annotations

import os
import time
import warnings

import numpy as np
import torch

from pyxai.engine.data.decode import Decoder, Reader
from pyxai.engine.data.watch import Watch
from pyxai.engine.errors import RowError, RunError, StrictStop, one_line
from pyxai.engine.job import Job
from pyxai.engine.runner.begin import out_of_memory
from pyxai.engine.runner.failures import Failures
from pyxai.engine.runner.pace import Pace
from pyxai.engine.runner.prepare import Prepared
from pyxai.engine.runner.progress import Progress
from pyxai.engine.status import MODEL_FAILED, OK, PENDING, RESULT_NOT_FINITE
from pyxai.engine.store.chunk import Chunk
from pyxai.engine.store.layout import STATUS
from pyxai.engine.store.results import as_arrays, not_finite, tensors, zero_maps
from pyxai.engine.store.writer import Writer

_SHOWN = 2
"""Ranges of rows that an error names."""


class Loop:
    """What is to be done in a store by this process.

    Batches are cut from the stream of readable rows without regard to chunks; a chunk is handed over when its
    last row has come out, and what there is of it every few seconds. So the size of a batch groups the work
    and nothing else.

    Args:
        job, prepared: the run; nobody else writes the chunks of ``prepared.shard``.
        watch: of the source.
        progress: hears of every row.
        failures: counts those that fail.

    Attributes:
        rows: those to do.
    """

    def __init__(self, job: Job, prepared: Prepared, watch: Watch, progress: Progress, failures: Failures):
        self._job = job
        self._prepared = prepared
        self._store = prepared.store
        self._names = prepared.images.names
        self._watch = watch
        self._progress = progress
        self._failures = failures
        self._pace = Pace(job.batch_size)
        self._chunks: dict[int, Chunk] = {}
        self._batch: list[tuple[int, np.ndarray]] = []
        index, count = prepared.shard
        self._own = range(index, self._store.chunks, count)
        for line in self._store.clean(self._own, job.retry_failed):
            warnings.warn(f"{self._store.path}: {line}; done again", stacklevel=4)
        self.rows = self._store.pending(self._own, job.retry_failed)
        self._to_do = np.array(self.rows, int)

    def do(self) -> float:
        """Do every row; returns the seconds it took.

        Raises:
            RunError: it had to stop. All that was explained before is stored.
        """
        store, images = self._store, self._prepared.images
        total = sum(len(store.rows_of(chunk)) for chunk in self._own)
        reader = Reader(images.source, images.preprocess, images.shape)
        self._progress.begin(total, total - len(self.rows))
        self._progress.doing("reading the first rows")
        start = time.perf_counter()
        try:
            with Decoder(reader, self._workers()) as decoder, Writer(store) as self._writer:
                try:
                    ahead = 2 * self._job.batch_size
                    for row, item in decoder.stream(self.rows, self._names, ahead):
                        self._take(row, item)
                        self._progress.doing(f"reading what comes after {self._named([row])}")
                    self._explain_batch()
                finally:
                    self._progress.doing("storing the last rows")
                    self._commit()
            self._check_stored()
        finally:
            self._progress.end()
        return time.perf_counter() - start

    def _workers(self) -> int:
        if self._job.workers is not None:
            return self._job.workers
        return 0 if self._prepared.device.type == "cpu" else min(8, max(1, (os.cpu_count() or 1) - 1))

    def _take(self, row: int, item: np.ndarray | RowError) -> None:
        if isinstance(item, RowError):
            self._fail(row, item)
            self._progress.advance(1, 1)
            self._after()
        else:
            self._batch.append((row, item))
            if len(self._batch) >= self._pace.size:
                self._explain_batch()

    def _explain_batch(self) -> None:
        batch, self._batch = self._batch, []
        if not batch:
            return
        failed = self._failures.count
        self._pace.begin()
        try:
            results = self._explain(batch)
        except Exception as error:  # the model's own code may raise anything
            self._check_device(error)
            self._explain_singly(batch)
        else:
            self._store_results(batch, *results)
        self._pace.end(len(batch))
        self._progress.advance(len(batch), self._failures.count - failed)
        self._after()

    def _after(self) -> None:
        """Rows have come in: whether to go on, and whether to store them now."""
        self._failures.check()
        self._writer.check()
        if self._pace.is_time_to_store():
            self._commit()

    def _check_device(self, error: Exception) -> None:
        """A :class:`RunError` where the ``error`` is not that of the images but of the machine."""
        if out_of_memory(error):
            raise RunError("out of memory: continue with --resume and a smaller --batch-size") from error
        try:
            torch.ones(1, device=self._prepared.device).item()
        except Exception:
            raise RunError(
                f"the device {self._prepared.device} fails since this: {one_line(error)}; what is stored is "
                "whole: see to it and continue with --resume"
            ) from error

    def _explain_singly(self, batch: list[tuple[int, np.ndarray]]) -> None:
        """A batch raised: find the images that do so alone. The others come out as they would have."""
        for row, pixels in batch:
            try:
                results = self._explain([(row, pixels)])
            except Exception as error:  # as above
                self._check_device(error)
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

    def _named(self, rows: list[int]) -> str:
        if len(rows) == 1:
            return f"row {rows[0]}, {self._names[rows[0]]}"
        return f"rows {rows[0]} to {rows[-1]}, {self._names[rows[0]]} to {self._names[rows[-1]]}"

    def _store_results(
        self, batch: list[tuple[int, np.ndarray]], values: dict[str, np.ndarray], zeros: np.ndarray
    ) -> None:
        self._progress.doing(f"storing {self._named([row for row, _ in batch])}")
        self._watch.check()  # else the pixels may be those of other images
        rows = np.array([row for row, _ in batch])
        broken = not_finite(values)
        if broken and self._job.strict:
            rows = rows[: min(broken)]
        for index in np.unique(rows // self._store.chunk):
            first, last = np.searchsorted(rows, self._store.edges(index))
            chunk = self._chunk(int(index))
            status = np.full(last - first, OK, np.uint8)
            for place in broken.keys() & range(first, last):
                status[place - first] = RESULT_NOT_FINITE
                self._note(chunk, int(rows[place]), _not_finite(broken[place]))
            for place in first + np.flatnonzero(zeros[first:last]):
                row = int(rows[place])
                chunk.note_zeros(row, self._names[row], int(zeros[place]))
            chunk.fill(rows[first:last], {name: array[first:last] for name, array in values.items()}, status)
            self._hand_over_if_complete(chunk)
        self._failures.tried(len(rows))
        if len(rows) < len(batch):
            self._check_strict(batch[len(rows)][0], _not_finite(broken[len(rows)]))

    def _fail(self, row: int, error: RowError) -> None:
        self._watch.check()  # else it may be no fault of the image
        self._check_strict(row, error)
        chunk = self._chunk(row // self._store.chunk)
        self._note(chunk, row, error)
        chunk.fail(row, error.status)
        self._failures.tried(1)
        self._hand_over_if_complete(chunk)

    def _note(self, chunk: Chunk, row: int, error: RowError) -> None:
        chunk.note_error(row, self._names[row], error.status, error.reason)
        self._failures.add(self._names[row], error.reason)

    def _check_strict(self, row: int, error: RowError) -> None:
        if self._job.strict:
            raise StrictStop(f"row {row} ({self._names[row]}): {error.reason}; stopped because of --strict")

    def _chunk(self, index: int) -> Chunk:
        if index not in self._chunks:
            first, last = np.searchsorted(self._to_do, self._store.edges(index))
            self._chunks[index] = Chunk.begun(self._store, index, self.rows[first:last])
        return self._chunks[index]

    def _hand_over_if_complete(self, chunk: Chunk) -> None:
        if chunk.complete:
            self._writer.put(self._chunks.pop(chunk.index))

    def _commit(self) -> None:
        """Hand over what there is of every chunk."""
        for chunk in self._chunks.values():
            if chunk.added:
                self._writer.put(chunk.so_far())

    def _check_stored(self) -> None:
        """A :class:`RunError` where a row of this process is not in the store after all."""
        store = self._store
        try:
            store.check_there()
            wrong = {chunk: self._missing(chunk) for chunk in self._own}
        except OSError as error:
            raise RunError(f"{store.path}: {error.strerror or error}: continue with --resume") from error
        lines = store.by_rows({chunk: fault for chunk, fault in wrong.items() if fault})
        if lines:
            more = f" and {len(lines) - _SHOWN} more" if len(lines) > _SHOWN else ""
            raise RunError(
                f"{store.path} is not as it was written: {'; '.join(lines[:_SHOWN])}{more}: "
                "continue with --resume"
            )

    def _missing(self, chunk: int) -> str:
        """What is wrong with a chunk that was written; "" where nothing is."""
        if not self._store.committed(chunk):
            return f"`{STATUS}` is missing"
        if faults := self._store.faults(chunk, ()):
            return " and ".join(f"`{name}` {fault}" for name, fault in faults.items())
        pending = PENDING in self._store.values(STATUS, chunk)
        return "not all of them are done" if pending else ""


def _not_finite(name: str) -> RowError:
    return RowError(RESULT_NOT_FINITE, f"NaN or infinity in `{name}`")
