"""Make `torchvision` importable beside a CPU build of torch.

The torchvision wheel on the public index is linked against CUDA; next to a CPU torch its compiled part does
not load, and `import torchvision` then fails while it registers a meta kernel for an operator nobody defined.
Defining the two schemas first is enough for everything written in Python (`models`, `transforms`). Tests and
benchmarks call `install()` before they import torchvision, timm or anything built on it; the package itself
never does.
"""

from __future__ import annotations

import functools
import importlib.util

import torch


@functools.cache
def install() -> torch.library.Library | None:
    """Define `torchvision::nms` and `torchvision::qnms` once; nothing where torch has CUDA or torchvision
    is missing.
    """
    if torch.version.cuda is not None or importlib.util.find_spec("torchvision") is None:
        return None
    library = torch.library.Library(
        "torchvision", "DEF"
    )  # unregisters when collected: the cache keeps it alive
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return library
