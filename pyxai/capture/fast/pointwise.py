"""Linear layers over tokens as 1 × 1 convolutions, on CPUs where that is faster.

torch runs ``linear`` through MKL and convolutions through oneDNN; on some CPUs the second reaches more than
twice the speed of the first. Which is faster is measured once for a machine and kept in the user's cache
folder, so that a later run makes the same choice and gives the same bits.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import platform
import time
from pathlib import Path

import torch
from torch import Tensor, fx

aten = torch.ops.aten

WORTHWHILE = 0.85  # ratio of times below which the convolution is chosen; near 1 it would be luck
_TOKENS = 16  # fewer rows a sample are left to `linear`


def pointwise_linear(values: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """``linear`` of values (..., I) with weights (O, I, 1, 1), as a convolution over one image of tokens."""
    inputs, leading = values.shape[-1], values.shape[:-1]
    tokens = values.reshape(1, -1, 1, inputs).permute(0, 3, 1, 2)
    return torch.conv2d(tokens, weight, bias).permute(0, 2, 3, 1).reshape(*leading, weight.shape[0])


def pointwise_linears(module: fx.GraphModule) -> None:
    """Replace every float32 linear layer over tokens, if this CPU runs them faster so."""
    for node in module.graph.nodes:
        if node.target is not aten.linear.default or node.args[1].op != "get_attr":
            continue
        weight = getattr(module, node.args[1].target)
        shape = node.args[0].meta["val"].shape
        if weight.device.type != "cpu" or weight.dtype != torch.float32 or len(shape) < 3:
            continue
        if isinstance(shape[-2], int) and shape[-2] >= _TOKENS and convolution_is_faster():
            name = f"{node.args[1].target}_pointwise"
            shaped = weight[:, :, None, None].contiguous(memory_format=torch.channels_last)
            module.register_buffer(name, shaped)
            with module.graph.inserting_before(node):
                attribute = module.graph.get_attr(name)
            node.target = pointwise_linear
            node.args = (node.args[0], attribute, node.args[2] if len(node.args) > 2 else None)


def uses_convolutions(module: fx.GraphModule) -> bool:
    """Whether any linear layer of ``module`` was replaced."""
    return any(node.target is pointwise_linear for node in module.graph.nodes)


@functools.cache
def convolution_is_faster() -> bool:
    """The choice for this machine: from the cache folder, else measured and kept there."""
    path = _choice_file()
    try:
        return bool(json.loads(path.read_text())["convolution"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    ratio = _measure()
    faster = ratio < WORTHWHILE
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"convolution": faster, "ratio": round(ratio, 3)}))
    except OSError:  # measured again by the next process
        pass
    return faster


def _choice_file() -> Path:
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pyxai"
    machine = f"{platform.node()} {platform.processor()} {torch.__version__} {torch.get_num_threads()}"
    capability = torch.backends.cpu.get_cpu_capability()
    digest = hashlib.blake2b(f"{machine} {capability}".encode(), digest_size=8).hexdigest()
    return folder / f"linear-{digest}.json"


def _measure(rounds: int = 7) -> float:
    """Time of forward and input gradient as a convolution by that as a linear layer."""
    values = torch.rand(4, 196, 768).requires_grad_(True)
    weight = torch.rand(768, 768)
    shaped = weight[:, :, None, None].contiguous(memory_format=torch.channels_last)
    ways = (
        lambda: torch.nn.functional.linear(values, weight),
        lambda: pointwise_linear(values, shaped, None),
    )
    seconds: list[list[float]] = [[], []]
    with torch.enable_grad():
        for _ in range(rounds):
            for way, spent in zip(ways, seconds, strict=True):
                start = time.perf_counter()
                torch.autograd.grad(way().sum(), values)
                spent.append(time.perf_counter() - start)
    return min(seconds[1]) / min(seconds[0])
