"""A pretended GPU that computes on the host, refuses what a GPU would refuse, and notes what waits for it.

What torch would run on ``cuda`` runs on the CPU, in the same memory, so that values, backward passes and
captures are those of a CPU. It is another device by its discipline, which :class:`Log` keeps.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn
from torch._C import _TorchDispatchModeKey
from torch._subclasses.fake_tensor import FakeTensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from tests import unfriendly
from tests.emulation.device import emulation

ROOT = Path(__file__).resolve().parents[2]
OURS = f"{ROOT / 'pyxai'}/", f"{ROOT / 'tests/devices/planted.py'}"
COPY, COPY_INTO = torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default  # from device to device

torch.cuda._initialized = True
torch.cuda.default_generators = (
    torch.Generator(),
)  # so that their state can be saved; nothing draws from them


class Log:
    """What happened on the device.

    Attributes:
        faults: what a GPU would refuse, and tensors that were made on the host because nobody said where.
        reads: how often the host waited for a value, a size or a copy, by place; what models do is left out.
        largest: how many values the largest of these copies had.
    """

    def __init__(self) -> None:
        self.faults: list[str] = []
        self.reads: Counter[str] = Counter()
        self.largest = 0

    def take(self) -> dict[str, int]:
        """The reads since this was last called."""
        reads, self.reads = self.reads, Counter()
        return dict(reads)


@contextmanager
def pretended(kernels: bool = False) -> Iterator[Log]:
    """``cuda`` is there, for this thread and its backward passes.

    Args:
        kernels: run operators by their CUDA kernels, executed on the host, and not by those of the CPU.
    """
    log, lifts = Log(), torch._C._only_lift_cpu_tensors()
    torch._C._set_only_lift_cpu_tensors(
        True
    )  # so that torch.tensor(…, device="cuda") copies where the mode sees it
    try:
        with emulation() if kernels else nullcontext(), _Named(log), _Device(log):
            yield log
    finally:
        torch._C._set_only_lift_cpu_tensors(lifts)


class _Named(TorchFunctionMode):
    """Whoever makes a tensor out of none says on which device, if only by a generator."""

    def __init__(self, log: Log):
        super().__init__()
        self._log = log

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs, caller = kwargs or {}, sys._getframe(1)
        if function is Tensor.__deepcopy__ and is_resident(args[0]):
            return args[1].setdefault(id(args[0]), args[0].clone())  # torch's own wants a storage of CUDA's
        made = function(*args, **kwargs)
        said = kwargs.get("device") is not None or kwargs.get("generator") is not None
        if isinstance(made, Tensor) and _is_ours(caller) and not said and not _tensors((args, kwargs)):
            self._log.faults.append(f"{function.__name__} without a device at {_written(caller)}")
        return made


class _Device(TorchDispatchMode):
    """Runs on the host what is asked of the device."""

    def __init__(self, log: Log):
        super().__init__()
        self._log = log

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        tensors = _tensors((args, kwargs))
        resident = any(map(is_resident, tensors))
        if not (resident or _is_cuda(kwargs.get("device"))) or _is_traced(tensors):
            return function(*args, **kwargs)
        if resident:
            self._check_together(function, tensors)
            self._note(function, args, kwargs)
        return _on_host(function, args, kwargs)

    def _check_together(self, function, tensors: list[Tensor]) -> None:
        """All on the device, but for single numbers of the host, which torch's own operations take."""
        strangers = [tensor for tensor in tensors if not is_resident(tensor)]
        if function.namespace == "aten":
            strangers = [tensor for tensor in strangers if tensor.ndim]
        if strangers and function not in (COPY, COPY_INTO):
            shape, device = tuple(strangers[0].shape), strangers[0].device
            self._log.faults.append(f"{function} of cuda:0 with {shape} on {device} at {_place()}")
            raise RuntimeError(self._log.faults[-1])

    def _note(self, function, args: tuple, kwargs: dict[str, Any]) -> None:
        """Count it if the host waits for the device."""
        copied = None
        if function is COPY and kwargs.get("device") is not None and not _is_cuda(kwargs["device"]):
            copied = args[0]
        elif function is COPY_INTO and not is_resident(args[0]):
            copied = args[1]
        elif not _waits(function, args, kwargs):
            return
        if place := _place():
            self._log.reads[place] += 1
            self._log.largest = max(self._log.largest, 1 if copied is None else copied.numel())


def _on_host(function, args: tuple, kwargs: dict[str, Any]) -> Any:
    """What an operation gives, run with tensors of the host that have the memory of those it is given."""
    owners, given = {}, {}

    def lend(tensor: Tensor) -> Tensor:
        lent = torch.ops.pretended.to_host(tensor) if is_resident(tensor) else tensor
        given[id(lent)] = tensor, lent  # both, so that the number is no other tensor's meanwhile
        if lent is not tensor:
            owners[lent.untyped_storage().data_ptr()] = tensor
        return lent

    def take_back(tensor: Tensor) -> Tensor:
        if tensor._is_zerotensor():  # the slope of a constant, which has no memory
            tensor = torch.zeros(tensor.shape, dtype=tensor.dtype)
        if id(tensor) in given:  # changed in place
            return given[id(tensor)][0]
        owner = owners.get(tensor.untyped_storage().data_ptr()) if tensor.numel() else None
        return torch.ops.pretended.to_device(tensor, owner)

    stays = kwargs.get("device") is not None and not _is_cuda(kwargs["device"])
    args, kwargs = _changed((args, kwargs), lend)
    if kwargs.get("device") is not None:
        kwargs["device"] = torch.device("cpu")
    result = function(*args, **kwargs)
    return result if stays else _changed(result, take_back)


def _waits(function, args: tuple, kwargs: dict[str, Any]) -> bool:
    """Whether values decide what comes out, or how much of it there is."""
    if "index" in function.__name__:  # a mask's sum is a size, numbers are none
        return any(index.dtype == torch.bool for index in _tensors(args[1:2]))
    if torch.Tag.data_dependent_output in function.tags:
        return True
    return torch.Tag.dynamic_output_shape in function.tags and kwargs.get("output_size") is None


def _tensors(value: Any) -> list[Tensor]:
    """The tensors in what an operation is given."""
    found: list[Tensor] = []
    _changed(value, found.append)
    return found


def _changed(value: Any, change: Callable[[Tensor], Any]) -> Any:
    """``value`` with each of its tensors changed."""
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, list):
        return [_changed(part, change) for part in value]
    if isinstance(value, tuple):
        return tuple(_changed(part, change) for part in value)
    if isinstance(value, dict):
        return {name: _changed(part, change) for name, part in value.items()}
    return value


def is_resident(tensor: Tensor) -> bool:
    """Whether a tensor is on the device."""
    return type(tensor) in (Tensor, nn.Parameter) and tensor.device.type == "cuda"


def _is_traced(tensors: list[Tensor]) -> bool:
    """Whether torch asks what would come out, of tensors without values."""
    fake = torch._C._get_dispatch_mode(_TorchDispatchModeKey.FAKE) is not None
    return fake or any(isinstance(tensor, FakeTensor) for tensor in tensors)


def _is_cuda(device: torch.device | str | None) -> bool:
    return device is not None and torch.device(device).type == "cuda"


def _is_ours(frame: FrameType) -> bool:
    return frame.f_code.co_filename.startswith(OURS)


def _place() -> str:
    """Where of our code we are; "" in a model's own and in that of a test."""
    frame = sys._getframe(1)
    while frame is not None and not _is_ours(frame):
        if frame.f_code.co_filename == unfriendly.__file__:
            return ""
        frame = frame.f_back
    return _written(frame) if frame else ""


def _written(frame: FrameType) -> str:
    return f"{Path(frame.f_code.co_filename).relative_to(ROOT)}:{frame.f_lineno}"
