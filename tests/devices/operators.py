"""References of the operators on the pretended GPU, and the backward passes of those that have one."""

from __future__ import annotations

import inspect

import torch
from torch import Tensor

from pyxai import testing
from pyxai.ops._define import Op
from tests.devices.device import pretended
from tests.devices.rows import Row, most


def operator_row(op: Op) -> Row:
    """Run an operator's Python with its samples, which it makes on the device."""
    row = Row()
    for dtype in (torch.float64, torch.bfloat16):
        with pretended() as log:
            try:
                samples = list(testing.sample_inputs(op, "cuda", dtype))
                log.take()
                found = [_results(op, args) for args in samples]
            except Exception as error:
                row.add(f"{type(error).__name__}: {error}")
                continue
            finally:
                row.add(*log.faults)
        row.runs += len(found)
        row.running = most(row.running, log.take())
        expected = [_results(op, args) for args in testing.sample_inputs(op, dtype=dtype)]
        for results in zip(found, expected, strict=True):
            for of_device, of_host in zip(*results, strict=True):
                row.compare("result", of_device, of_host)
    return row


def _results(op: Op, args: tuple) -> list[Tensor]:
    """What the reference gives, and gradients of the operator's first result."""
    results = testing.run(op.reference, args)
    names = inspect.signature(op.reference).parameters
    leaves = [number for number, name in enumerate(names) if name in op.differentiable]
    if leaves:
        args = [arg.clone() if isinstance(arg, Tensor) else arg for arg in args]
        by = [args[number].requires_grad_() for number in leaves]
        results += torch.autograd.grad(testing.results(op.call(*args))[0].sum(), by)
    return results
