"""The least time a network's convolutions, linear layers and ReLUs take with this torch on this machine.

A bound for every executor of the same layers: each as often forward and back as the method cannot do without,
in whichever memory format is faster, and nothing else. The first convolution, of three channels, has quicker
ways back than torch's, so that at most its passes forward count. A ReLU runs once forward and once back, in
place, multiplying the signal there by one other value (a mask, a slope, what was divided by).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

FORMATS = (torch.contiguous_format, torch.channels_last)


@dataclass(frozen=True)
class Passes:
    """How often every convolution and linear layer runs.

    Attributes:
        forward, backward: in float32; backward is the gradient of the input.
        narrow_forward, narrow_backward: in bfloat16.
        first: how often the first one runs forward.
    """

    forward: int = 1
    backward: int = 1
    narrow_forward: int = 0
    narrow_backward: int = 0
    first: int = 0


def layers_alone(
    model: nn.Module, images: Tensor, rows: int, calls: int = 1, passes: Passes = Passes()
) -> Callable[[], None]:
    """A function that runs the layers of ``model`` on ``rows`` rows, ``calls`` times.

    Args:
        images: (1, C, H, W), to find the layers' input sizes.
    """
    found = _calls(model, images, nn.Conv2d | nn.Linear)
    module, shape = found[0]
    first = [_Layer(module, (rows, *shape[1:]), torch.float32, format_).forward for format_ in FORMATS]
    work: list[Callable[[], Tensor]] = [_fastest(first)] * passes.first if passes.first else []
    for module, shape in found[1:]:
        for dtype, forward, backward in (
            (torch.float32, passes.forward, passes.backward),
            (torch.bfloat16, passes.narrow_forward, passes.narrow_backward),
        ):
            layers = [_Layer(module, (rows, *shape[1:]), dtype, format_) for format_ in FORMATS]
            if forward:
                work += [_fastest(layer.forward for layer in layers)] * forward
            if backward:
                work += [_fastest(layer.backward for layer in layers)] * backward
    for _, shape in _calls(model, images, nn.ReLU):
        relu = _Relu((rows, *shape[1:]))
        work += [relu.forward, relu.backward]

    def run() -> None:
        with torch.no_grad():
            for _ in range(calls):
                for call in work:
                    call()

    return run


def _calls(model: nn.Module, images: Tensor, kind) -> list[tuple[nn.Module, torch.Size]]:
    """The calls of modules of a kind, in their order, each with the shape of its input."""
    found: list[tuple[nn.Module, torch.Size]] = []
    hooks = [
        module.register_forward_pre_hook(lambda module, inputs: found.append((module, inputs[0].shape)))
        for module in model.modules()
        if isinstance(module, kind)
    ]
    with torch.no_grad():
        model(images)
    for hook in hooks:
        hook.remove()
    return found


def _fastest(candidates: Iterable[Callable[[], Tensor]]) -> Callable[[], Tensor]:
    """The one of them that takes the least time."""
    seconds = {}
    for run in candidates:
        run()
        laps = []
        for _ in range(5):
            start = time.perf_counter()
            run()
            laps.append(time.perf_counter() - start)
        seconds[run] = min(laps)
    return min(seconds, key=seconds.__getitem__)


class _Relu:
    """One ReLU, in memory of its own; ones stay as they are however often it runs."""

    def __init__(self, shape: tuple[int, ...]):
        self._values, self._signal = torch.ones(shape), torch.ones(shape)

    def forward(self) -> Tensor:
        return self._values.relu_()

    def backward(self) -> Tensor:
        return self._signal.mul_(self._values)


class _Layer:
    """One layer with random values."""

    def __init__(
        self,
        module: nn.Conv2d | nn.Linear,
        shape: tuple[int, ...],
        dtype: torch.dtype,
        memory_format: torch.memory_format,
    ):
        self._module = module
        images = memory_format if isinstance(module, nn.Conv2d) else torch.contiguous_format
        self._weight = module.weight.detach().to(dtype).clone(memory_format=images)
        self._values = torch.rand(shape).to(dtype).contiguous(memory_format=images)
        self._cotangent = torch.rand_like(self.forward())

    def forward(self) -> Tensor:
        if isinstance(self._module, nn.Linear):
            return nn.functional.linear(self._values, self._weight)
        return torch.conv2d(self._values, self._weight, None, *self._settings)

    def backward(self) -> Tensor:
        if isinstance(self._module, nn.Linear):
            return self._cotangent @ self._weight
        stride, padding, dilation, groups = self._settings
        settings = (stride, padding, dilation, False, (0, 0), groups, (True, False, False))
        return torch.ops.aten.convolution_backward(
            self._cotangent, self._values, self._weight, None, *settings
        )[0]

    @property
    def _settings(self) -> tuple:
        module = self._module
        return module.stride, module.padding, module.dilation, module.groups
