"""Which class of each image is explained."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pyxai.checks import expect


@dataclass(frozen=True)
class Target:
    """The classes asked for: fixed ones, or the ``top`` best-scoring of each image.

    Attributes:
        fixed: (N, T) int64, or None for the ``top`` predicted classes.
        top: how many predicted classes, where ``fixed`` is None.
        single: whether results drop the target axis.
    """

    fixed: Tensor | None
    top: int
    single: bool

    @property
    def count(self) -> int:
        return self.top if self.fixed is None else self.fixed.shape[1]

    def check(self, classes: int) -> None:
        """Raise a :class:`ValueError` where a model with this many classes lacks one that is asked for."""
        if self.fixed is None:
            wanted = f"ask for at most {classes} classes"
            expect(self.top <= classes, "target", wanted, f"top{self.top}")
        elif self.fixed.numel():
            largest = int(self.fixed.max())
            expect(largest < classes, "target", f"be a class in [0, {classes})", largest)

    def choose(self, logits: Tensor, rows: slice = slice(None)) -> Tensor:
        """Classes (n, T) of the images ``rows``, whose ``logits`` are (n, K)."""
        if self.fixed is None:
            return logits.topk(self.top, dim=1).indices if self.top > 1 else logits.argmax(1, keepdim=True)
        return self.fixed[rows]

    def take(self, rows: Tensor | slice) -> Target:
        """The target of a batch made of the images ``rows`` (a slice, or an int64 index with repeats)."""
        return self if self.fixed is None else Target(self.fixed[rows], self.top, self.single)


def parse_target(target: Any, images: Tensor) -> Target:
    """Read the ``target`` argument: None, an int, a list or (N,) tensor, an (N, T) tensor, or ``"top5"``."""
    count = len(images)
    if target is None:
        return Target(None, 1, True)
    if isinstance(target, str):
        found = re.fullmatch(r"top([1-9]\d*)", target)
        expect(found is not None, "target", "be 'top1', 'top2', … where it is text", repr(target))
        return Target(None, int(found[1]), False)
    try:
        values = torch.as_tensor(target, device=images.device)
    except (TypeError, ValueError, RuntimeError):
        wanted = "be a class, one class for each image, or (N, T) classes"
        expect(False, "target", wanted, repr(target), TypeError)
    whole = not values.is_floating_point() and not values.is_complex() and values.dtype != torch.bool
    expect(whole, "target", "hold whole numbers", values.dtype, TypeError)
    values = values.to(torch.int64)
    if values.ndim == 0:
        values = values.expand(count)
    fits = values.ndim in (1, 2) and len(values) == count and (values.ndim == 1 or values.shape[1] > 0)
    expect(fits, "target", f"be one class, or have shape ({count},) or ({count}, T)", tuple(values.shape))
    least = values.min().item() if values.numel() else 0
    expect(least >= 0, "target", "be a class number from 0", least)
    return Target(values.reshape(count, -1), 0, values.ndim == 1)
