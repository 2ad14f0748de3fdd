"""Several processes on one run, started by ``torchrun``. Without it, a world of one."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pyxai.engine.errors import InputError, RunError

if TYPE_CHECKING:
    from torch.distributed import Store

_STOPPED = "stopped"
_POLL = 0.1  # seconds between two looks at what the others say


@dataclass
class World:
    """This process's ``rank`` among ``size``, and its ``local_rank`` on this machine.

    The processes leave each other notes. Nobody waits in a call of a network library for one that has ended.

    Attributes:
        notes: key to text, shared by all processes; None where there is one.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    notes: Store | None = None
    _turns: Iterator[int] = field(default_factory=itertools.count, init=False, repr=False, compare=False)

    def leader(self, work: Callable[[], None]) -> None:
        """Rank 0 does ``work`` while the others wait; its :class:`InputError` is raised by all."""
        if self.size == 1:
            work()
            return
        key = f"turn {next(self._turns)}"
        if self.rank == 0:
            try:
                work()
            except InputError as error:
                self.notes.set(key, str(error))
                raise
            self.notes.set(key, "")
        elif refusal := self._await(key):
            error = InputError(refusal)
            error.told = True
            raise error

    def wait(self) -> None:
        """Until every process is here; a :class:`RunError` where one stopped before."""
        if self.size > 1:
            if self.notes.add("arrived", 1) == self.size:
                self.notes.set("all arrived", "")
            self._await("all arrived")

    def tell(self, error: Exception) -> None:
        """Let the others know that this process stops, and ``error`` whether another tells the same."""
        if self.size == 1 or getattr(error, "told", False):
            return
        own = f"{self.rank}: {error}"
        first = self.notes.compare_set(_STOPPED, "", own).decode()
        error.told = first != own and first.partition(": ")[2] == str(error)

    def _await(self, key: str) -> str:
        while not self.notes.check([key]):
            if self.notes.check([_STOPPED]):
                rank, _, reason = self.notes.get(_STOPPED).decode().partition(": ")
                error = RunError(f"process {rank} of the run stopped: {reason}")
                error.told = True
                raise error
            time.sleep(_POLL)
        return self.notes.get(key).decode()


@contextmanager
def world() -> Iterator[World]:
    """The processes ``torchrun`` started. The gradients of a training pass between them by gloo, on GPUs by
    NCCL.
    """
    if int(os.environ.get("WORLD_SIZE", 1)) == 1 or "RANK" not in os.environ:
        yield World()
        return
    import torch
    import torch.distributed as dist

    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() and dist.is_nccl_available() else "gloo"
    store, rank, size = next(dist.rendezvous("env://"))
    dist.init_process_group(backend, store=dist.PrefixStore("torch", store), rank=rank, world_size=size)
    here = World(rank, size, int(os.environ.get("LOCAL_RANK", 0)), dist.PrefixStore("pyxai", store))
    try:
        yield here
    except Exception as error:
        here.tell(error)
        raise
    finally:
        dist.destroy_process_group()
