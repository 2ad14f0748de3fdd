"""The least time a network's convolutions take with this torch on this machine.

A bound for every executor of the same layers: each convolution but the first, forward and input gradient, in
whichever memory format is faster for it, and nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

FORMATS = (torch.contiguous_format, torch.channels_last)


def convolutions_alone(model: nn.Module, images: Tensor, rows: int, calls: int) -> Callable[[], None]:
    """A function that runs every convolution of ``model`` but the first on ``rows`` rows, ``calls`` times.

    Args:
        images: (1, C, H, W), to find the layers' input sizes.
    """
    found: list[tuple[nn.Conv2d, torch.Size]] = []
    hooks = [
        module.register_forward_pre_hook(lambda module, inputs: found.append((module, inputs[0].shape)))
        for module in model.modules()
        if isinstance(module, nn.Conv2d)
    ]
    with torch.no_grad():
        model(images)
    for hook in hooks:
        hook.remove()
    layers = [_fastest(module, (rows, *shape[1:])) for module, shape in found[1:]]

    def run() -> None:
        for _ in range(calls):
            for layer in layers:
                layer()

    return run


def _fastest(module: nn.Conv2d, shape: tuple[int, ...]) -> Callable[[], None]:
    candidates = [_layer(module, shape, memory_format) for memory_format in FORMATS]
    seconds = []
    for run in candidates:
        run()
        laps = []
        for _ in range(5):
            start = time.perf_counter()
            run()
            laps.append(time.perf_counter() - start)
        seconds.append(min(laps))
    return candidates[seconds.index(min(seconds))]


def _layer(
    module: nn.Conv2d, shape: tuple[int, ...], memory_format: torch.memory_format
) -> Callable[[], None]:
    weight = module.weight.detach().clone(memory_format=memory_format)
    values = torch.rand(shape).contiguous(memory_format=memory_format).requires_grad_(True)
    settings = (module.stride, module.padding, module.dilation, module.groups)
    cotangent = torch.rand_like(torch.conv2d(values.detach(), weight, None, *settings))

    def run() -> None:
        torch.autograd.grad(torch.conv2d(values, weight, None, *settings), values, cotangent)

    return run
