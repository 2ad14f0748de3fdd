"""CUDA kernels as the host executes them: libraries, built where they are out of date, and their memory."""

from __future__ import annotations

import ctypes
import fcntl
import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

from pyxai.ops._define import registry
from pyxai.testing import results, span

ROOT = Path(__file__).resolve().parents[2]
# "races" watches every access, "sanitized" is for a process that was started under the sanitizers.
FLAVOUR = os.environ.get("PYXAI_EMULATION", "races")
FOLDER = ROOT / "build" / "emulation" / FLAVOUR
MISSING = next((tool for tool in ("make", os.environ.get("CXX", "c++")) if shutil.which(tool) is None), None)

ON_CPU = torch._C.DispatchKeySet(torch._C.DispatchKey.CPU)


def build() -> None:
    """Bring the libraries up to date. One process builds, others wait for it."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    command = ["make", "-f", "csrc/emulation/Makefile", "-s", "-j2", f"PYTHON={sys.executable}"]
    # The compiler needs no sanitizer, and another make's options are not for this one.
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name != "LD_PRELOAD" and not name.startswith("MAKE")
    }
    with (FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(
            [*command, f"FLAVOUR={FLAVOUR}"], cwd=ROOT, env=inherited, capture_output=True, text=True
        )
    assert done.returncode == 0, done.stderr


@dataclass(frozen=True)
class Outcome:
    """What an operator returned, and what it made of the arguments that it changes, by their numbers."""

    returned: Tensor | tuple[Tensor, ...] | None
    changed: dict[int, Tensor]

    @property
    def tensors(self) -> list[Tensor]:
        """All of it."""
        returned = [] if self.returned is None else results(self.returned)
        return [*returned, *self.changed.values()]


@dataclass(frozen=True)
class Launched:
    """How often a kernel ran, and of its blocks the most threads and the most bytes that they shared."""

    times: int
    threads: int
    shared: int


class Module:
    """A library of operators on the emulated device, whose schemas are yet to be defined."""

    def __init__(self, name: str):
        build()
        self.name = f"pyxai_{name}"
        self._library = torch.library.Library(self.name, "FRAGMENT")
        path = FOLDER / f"{name}.so"
        torch.ops.load_library(path)
        self._functions = ctypes.CDLL(str(path))
        self._functions.emulation_take.restype = ctypes.c_void_p
        self._functions.emulation_take.argtypes = [ctypes.c_size_t]
        self._functions.emulation_kernel.restype = ctypes.c_char_p
        self._functions.emulation_traffic.restype = ctypes.c_size_t
        self._functions.emulation_touched.restype = ctypes.c_bool

    def define(self, schema: str) -> None:
        """Say what an operator takes and returns."""
        self._library.define(schema)

    def has(self, operator: str) -> bool:
        """Whether there are kernels for an operator."""
        return torch._C._dispatch_has_kernel_for_dispatch_key(f"{self.name}::{operator}", "CPU")

    def call(
        self, operator: str, args: tuple, order: int = 0, blocks: tuple[int, int] = (1 << 20, 65535)
    ) -> Outcome:
        """Call an operator on the device.

        Args:
            args: its arguments. They are copied into the device's memory, and stay as they are.
            order: 0 runs blocks and threads one after the other, another number permutes them.
            blocks: the most blocks of a grid, along x and y.

        Raises:
            RuntimeError: what a thread does wrong, with the operator, the kernel, the block and the thread.
        """
        kernel = getattr(getattr(torch.ops, self.name), operator).default
        self._functions.emulation_settings(ctypes.c_uint64(order), *blocks)
        # Not before now: a traceback shows arguments of the call before.
        self._functions.emulation_give_back()
        self._functions.emulation_touched()
        given = tuple(self._placed(arg) if isinstance(arg, Tensor) else arg for arg in args)
        with _Memory(self._placed):
            returned = kernel.redispatch(ON_CPU, *given)
        if self._functions.emulation_touched():
            raise RuntimeError(f"{operator}: the host reads or writes the device's memory")
        changed = {}
        for number, argument in enumerate(kernel._schema.arguments):
            if argument.alias_info and argument.alias_info.is_write:
                changed[number] = given[number].clone()
            elif isinstance(args[number], Tensor) and bits(span(given[number])) != bits(span(args[number])):
                raise RuntimeError(f"{operator}: writes to `{argument.name}`, which it may only read")
        return Outcome(tree_map_only(Tensor, Tensor.clone, returned), changed)

    def kernels(self) -> dict[str, Launched]:
        """Every kernel there is, and how it ran."""
        found = {}
        while name := self._functions.emulation_kernel(len(found)):
            numbers = (ctypes.c_int64 * 3)()
            self._functions.emulation_launches(len(found), numbers)
            found[name.decode()] = Launched(*numbers)
        return found

    def launches(self) -> dict[str, int]:
        """How often each kernel ran, of all that there are."""
        return {name: launched.times for name, launched in self.kernels().items()}

    def traffic(self) -> int:
        """Bytes that kernels have read and written since this was last asked: each once for a launch."""
        return self._functions.emulation_traffic()

    def _placed(self, x: Tensor) -> Tensor:
        """A copy in the device's memory, with the same strides and nothing behind its last element."""
        memory = span(x)
        if x.numel() > 0:
            memory = self._empty(len(memory), x.dtype).copy_(memory)
        return memory.as_strided(x.shape, x.stride())

    def _empty(self, length: int, dtype: torch.dtype) -> Tensor:
        if FLAVOUR == "sanitized":  # which knows torch's memory itself
            return torch.empty(length, dtype=dtype)
        count = length * dtype.itemsize
        address = self._functions.emulation_take(count)
        assert address, f"the emulated device has no {count} bytes: a test should need less"
        return torch.frombuffer((ctypes.c_ubyte * count).from_address(address), dtype=dtype)


def bits(x: Tensor) -> bytes:
    """The values of a tensor, bit for bit."""
    return x.flatten().view(torch.uint8).numpy().tobytes()


class _Memory(TorchDispatchMode):
    """Whatever is allocated lies in the device's memory. Uninitialised, it is NaN, or 0xA5 in every byte."""

    def __init__(self, placed: Callable[[Tensor], Tensor]):
        super().__init__()
        self._placed = placed

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        # Some may return what they are given, or a copy: `contiguous`, `to`.
        given = [arg.untyped_storage().data_ptr() for arg in args if isinstance(arg, Tensor)]
        if result.untyped_storage().data_ptr() in given:
            return result
        if "empty" in function._schema.name:
            if result.is_floating_point():
                result.fill_(torch.nan)
            else:
                result.view(torch.uint8).fill_(0xA5)
        return self._placed(result)


@functools.cache
def emulated() -> Module:
    """The operators of csrc/cuda."""
    module = Module("emulated")
    for op in registry.values():
        module.define(str(op.call._schema).removeprefix("pyxai::"))
    return module


@functools.cache
def wrong() -> Module:
    """The kernels of wrong.cu, each an operator of its name."""
    module = Module("wrong")
    for kernel in module.launches():
        module.define(f"{kernel}(Tensor values, int threads, int shared) -> Tensor")
    return module
