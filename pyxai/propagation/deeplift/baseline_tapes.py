"""The forward passes of baselines, kept between calls where all images share them."""

from __future__ import annotations

import torch
from torch import Tensor

from pyxai.capture.executor import Executor
from pyxai.locks import Lock
from pyxai.propagation.walk import Tape, Walk


class BaselineTapes:
    """Tapes of baselines.

    Args:
        walk: of the captured model.
        limit: bytes that may be kept. What does not fit is computed anew for every model call, in the same
            way, so that results are the same.
    """

    def __init__(self, walk: Walk, limit: int):
        self.walk = walk
        self._free = limit
        self._kept: dict[int, Tape] = {}
        self._lock = Lock()

    def of_rows(self, executor: Executor, rows: Tensor) -> Tape:
        """The tape of one baseline for each row of a model call."""
        return self.walk.forward(executor.fill(rows))

    def shared(self, executor: Executor, baseline: Tensor, number: int) -> Tape:
        """The tape of one baseline (1, C, H, W) for all images, number ``number`` of them.

        The model sees it in as many rows as the images, so that equal pixels give equal values to the bit
        (but where a row's place in a vector matters); what is equal in all rows is kept once.
        """
        with self._lock:  # several threads need one tape, which is made once
            return self._shared(executor, baseline, number)

    def _shared(self, executor: Executor, baseline: Tensor, number: int) -> Tape:
        tape = self._kept.get(number)
        if tape is not None and torch.equal(tape[self.walk.images], baseline):
            return tape
        if tape is not None:  # the user's tensor has other values now
            self._free += self._size(self._kept.pop(number))
        tape = self.of_rows(executor, baseline.clone())
        constants = self.walk.constants
        tape.values = {
            node: value if node in constants else _once(value) for node, value in tape.values.items()
        }
        tape.notes = {step: _once(note) for step, note in tape.notes.items()}
        size = self._size(tape)
        if size <= self._free:
            self._kept[number] = tape
            self._free -= size
        return tape

    def _size(self, tape: Tape) -> int:
        """Bytes that ``tape`` holds beside the model's constants."""
        values = [value for node, value in tape.values.items() if node not in self.walk.constants]
        return sum(value.nbytes for value in (*values, *tape.notes.values()) if isinstance(value, Tensor))


def _once(value):
    """The first row of a tensor, if the others are like it."""
    if not isinstance(value, Tensor) or value.ndim == 0 or len(value) < 2:
        return value
    first = value[:1]
    return first.clone() if bool((value == first).all()) else value
