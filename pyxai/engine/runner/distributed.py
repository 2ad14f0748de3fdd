"""Several processes on one run, started by ``torchrun``. Without it, a world of one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from pyxai.engine.errors import InputError


@dataclass(frozen=True)
class World:
    """This process's ``rank`` among ``size``, and its ``local_rank`` on this machine."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0

    def leader(self, work: Callable[[], None]) -> None:
        """Rank 0 does ``work`` while the others wait; its :class:`InputError` is raised by all."""
        refusal = [None]
        if self.rank == 0:
            try:
                work()
            except InputError as error:
                refusal = [str(error)]
        if self.size > 1:
            import torch.distributed

            torch.distributed.broadcast_object_list(refusal, 0)
        if refusal[0] is not None:
            raise InputError(refusal[0])

    def wait(self) -> None:
        """Until every process is here."""
        if self.size > 1:
            import torch.distributed

            torch.distributed.barrier()


@contextmanager
def world() -> Iterator[World]:
    """The processes ``torchrun`` started. Messages of planning pass between them by gloo; so do the gradients
    of a training, on GPUs by NCCL.
    """
    if int(os.environ.get("WORLD_SIZE", 1)) == 1 or "RANK" not in os.environ:
        yield World()
        return
    import torch
    import torch.distributed as dist

    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() and dist.is_nccl_available() else "gloo"
    # The last barrier may have to wait as long as the slowest shard takes.
    dist.init_process_group(backend, timeout=timedelta(days=30))
    try:
        yield World(dist.get_rank(), dist.get_world_size(), int(os.environ.get("LOCAL_RANK", 0)))
    finally:
        dist.destroy_process_group()
