"""A third device for the operator tests: CUDA kernels, executed on the host on tensors of the CPU."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from pyxai.ops._define import registry
from tests.emulation.module import Module, bits, emulated

# Seeds of the order of blocks and threads, each with the most blocks along x and y. Beyond the first, grids
# are smaller than the work, so that threads go through it in strides along both axes.
RUNS = ((0, (1 << 20, 65535)), (1, (2, 2)), (2, (3, 1)))


@contextmanager
def emulation() -> Iterator[str]:
    """Calls of pyxai's operators on CPU tensors run their CUDA kernels. Gives the device of such tensors."""
    module = emulated()
    with torch.library._scoped_library("pyxai", "IMPL") as library, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "(?s).*[Oo]verrid", UserWarning)  # that is what it is for
        for name in filter(module.has, registry):  # others run on their reference, as they do on a GPU
            library.impl(name, functools.partial(call, module, name), "CPU")
        yield "cpu"


def call(module: Module, name: str, *args) -> Tensor | tuple[Tensor, ...] | None:
    """Call an operator in each of `RUNS`, and want the same bits."""
    outcomes = [module.call(name, args, order, blocks) for order, blocks in RUNS]
    for outcome in outcomes[1:]:
        for one, other in zip(outcomes[0].tensors, outcome.tensors, strict=True):
            assert bits(one) == bits(other), f"{name} depends on the order of its threads"
    for argument, changed in outcomes[0].changed.items():
        args[argument].copy_(changed)
    return outcomes[0].returned
