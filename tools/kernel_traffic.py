"""Which share of a GPU's bandwidth an operator could use: arithmetic on bytes that the emulation counts."""

from __future__ import annotations

import importlib
from dataclasses import dataclass

from torch import Tensor

from benchmarks.ops import Work
from pyxai.ops._define import Op
from pyxai.testing import ops, sample_inputs
from tests.emulation.module import emulated

SIZE = {"rows": 8, "shape": (3, 32, 32)}  # of the samples whose bytes are counted
QUOTIENT = 80  # integer instructions of a 64-bit quotient


@dataclass(frozen=True)
class Gpu:
    """What NVIDIA says of a GPU: bytes a second, and instructions a second, of one lane, of each kind."""

    name: str
    memory: float
    issued: float
    floats: float
    integers: float


def gpu(name: str, memory: float, multiprocessors: int, clock: float, floats: int) -> Gpu:
    """A GPU whose multiprocessors issue 128 instructions a clock, of which 64 may be on integers."""
    lanes = multiprocessors * clock
    return Gpu(name, memory, 128 * lanes, floats * lanes, 64 * lanes)


GPUS = (gpu("H200", 4.8e12, 132, 1.98e9, 128), gpu("A100", 2.039e12, 108, 1.41e9, 64))


def work_of(op: Op) -> Work:
    """What its benchmark says that an operator does; the one in place does the same."""
    return importlib.import_module(f"benchmarks.ops.{op.name.removesuffix('_')}").WORK


def bytes_per_element(op: Op) -> tuple[float, tuple]:
    """What an operator's kernels move for an element of its largest tensor, and the arguments of the call."""
    device, args = emulated(), next(iter(sample_inputs(op, **SIZE)))
    device.traffic()
    tensors = [x for x in (*args, *device.call(op.name, args).tensors) if isinstance(x, Tensor)]
    return device.traffic() / max(x.numel() for x in tensors), args


def share(moved: float, work: Work, gpu: Gpu) -> tuple[float, str]:
    """The most of the bandwidth that ``moved`` bytes can use beside that work, and what they are bound by."""
    integers = work.integers + QUOTIENT * work.quotients
    seconds = {
        "memory": moved / gpu.memory,
        "instructions": (work.floats + integers) / gpu.issued,
        "floats": work.floats / gpu.floats,
        "integers": integers / gpu.integers,
    }
    bound = max(seconds, key=seconds.get)
    return seconds["memory"] / seconds[bound], bound


def traffic_table() -> str:
    """Markdown with a row for each operator, in float32."""
    lines = [
        f"| operator | bytes | floats | integers | quotients | {' | '.join(gpu.name for gpu in GPUS)} |",
        f"|{'---|' * (5 + len(GPUS))}",
    ]
    for op in ops():
        moved, args = bytes_per_element(op)
        work = work_of(op)
        plain = ", ".join(str(arg) for arg in args if isinstance(arg, str) or (type(arg) is int and arg < 99))
        cells = [f"`{op.name}`" + (f" ({plain})" if plain else ""), f"{moved:.1f}"]
        cells += [f"{count:g}" for count in (work.floats, work.integers, work.quotients)]
        for gpu in GPUS:
            most, bound = share(moved, work, gpu)
            cells.append(f"{most:.0%}, {bound}")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
