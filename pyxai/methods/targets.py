"""What of each image's output is explained: classes, by number or name, or a number that a callable makes."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pyxai.capture.output.number import Call, call_name
from pyxai.checks import expect
from pyxai.methods.names import classes_of

_ONLY = "the only output of what is explained"


@dataclass(frozen=True)
class Target:
    """The classes asked for: fixed ones, or the ``top`` best-scoring of each image.

    With a callable, the model as it is explained has one output, of which the class 0 is asked for.

    Attributes:
        fixed: (N, T) int64, or None for the ``top`` predicted classes.
        top: how many predicted classes, where ``fixed`` is None.
        single: whether results drop the target axis.
        call: makes one number of an image's output.
    """

    fixed: Tensor | None
    top: int
    single: bool
    call: Call | None = None

    @property
    def name(self) -> str | None:
        """``module:qualname`` of the callable, where there is one."""
        return None if self.call is None else call_name(self.call)

    @property
    def count(self) -> int:
        return self.top if self.fixed is None else self.fixed.shape[1]

    def check(self, classes: int) -> None:
        """Raise a :class:`ValueError` where a model with this many classes lacks one that is asked for."""
        if self.fixed is None:
            wanted = f"ask for at most {classes} classes" if classes > 1 else f"be 0, {_ONLY}"
            expect(self.top <= classes, "target", wanted, f"top{self.top}")
        elif self.fixed.numel():
            largest = int(self.fixed.max())
            wanted = f"be a class in [0, {classes})" if classes > 1 else f"be 0, {_ONLY}"
            expect(largest < classes, "target", wanted, largest)

    def choose(self, logits: Tensor, rows: slice = slice(None)) -> Tensor:
        """Classes (n, T) of the images ``rows``, whose ``logits`` are (n, K)."""
        if self.fixed is None:
            return logits.topk(self.top, dim=1).indices if self.top > 1 else logits.argmax(1, keepdim=True)
        return self.fixed[rows]

    def take(self, rows: Tensor | slice) -> Target:
        """The target of a batch made of the images ``rows`` (a slice, or an int64 index with repeats)."""
        return self if self.fixed is None else dataclasses.replace(self, fixed=self.fixed[rows])


def parse_target(target: Any, images: Tensor, names: Mapping[int, str] | None = None) -> Target:
    """Read the ``target`` argument.

    Args:
        target: None or ``"predicted"``, an int, a list or (N,) tensor, an (N, T) tensor, ``"top5"``, text
            with one class or several, ``"0,20"``, by number or name, names in place of classes, or a callable
            of one image's output.
        images: what is explained.
        names: class to name, of those that have one.
    """
    count = len(images)
    if target is None or is_predicted(target, names or {}):
        return Target(None, 1, True)
    if callable(target):
        return Target(torch.zeros(count, 1, dtype=torch.int64, device=images.device), 0, True, target)
    if best := top(target, names or {}):
        return Target(None, best, False)
    text, given = isinstance(target, str), target  # text is of every image
    target = numbered(target, names or {})
    try:
        values = torch.as_tensor(target, device=images.device)
    except (TypeError, ValueError, RuntimeError):
        wanted = "be a class, one class for each image, or (N, T) classes"
        expect(False, "target", wanted, repr(target), TypeError)
    if values.shape == (0,) and not isinstance(target, Tensor):  # no classes, for no images
        values = values.to(torch.int64)
    whole = not values.is_floating_point() and not values.is_complex() and values.dtype != torch.bool
    expect(whole, "target", "hold whole numbers", values.dtype, TypeError)
    values = values.to(torch.int64)
    if values.ndim == 0 or text:
        values = values.expand(count, *values.shape)
    fits = values.ndim in (1, 2) and len(values) == count and (values.ndim == 1 or values.shape[1] > 0)
    got = f"{tuple(values.shape)}{_of_all(given, values)}"
    expect(fits, "target", f"be one class, or have shape ({count},) or ({count}, T)", got)
    least = values.min().item() if values.numel() else 0
    expect(least >= 0, "target", "be a class number from 0", least)
    return Target(values if values.ndim == 2 else values[:, None], 0, values.ndim == 1)


def is_predicted(target: Any, names: Mapping[int, str]) -> bool:
    """Whether ``target`` is the word for the class with the best score, and no class is called so."""
    return isinstance(target, str) and target == "predicted" and target not in names.values()


def _of_all(given: Any, values: Tensor) -> str:
    """How several classes of every image are asked for, where ``given`` may mean that."""
    if not isinstance(given, list | tuple) or values.ndim != 1 or not len(given):
        return ""
    return f" (the same classes for every image: '{','.join(map(str, given))}')"


def top(target: Any, names: Mapping[int, str]) -> int | None:
    """How many of the best-scoring classes ``"top5"`` asks for; None of any other target."""
    found = isinstance(target, str) and re.fullmatch(r"top([1-9]\d*)", target)
    if not found:
        return None
    named = target in names.values()
    expect(not named, "target", "be the number of a class that is called as the best are", repr(target))
    return int(found[1])


def numbered(target: Any, names: Mapping[int, str]) -> Any:
    """``target`` with numbers in place of all text: a list of them where the text is several classes."""
    if isinstance(target, list | tuple):
        return [numbered(entry, names) for entry in target]
    if not isinstance(target, str):
        return target
    classes = classes_of(target, names)
    return classes[0] if len(classes) == 1 else classes
