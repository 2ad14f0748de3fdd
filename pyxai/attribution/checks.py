"""Checks that run before any work, and the one form their messages take.

``lrp: `images` must have shape (N, C, H, W), got (3, 224, 224)``
"""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

import torch
from torch import Tensor


def expect(condition: bool, method: str, argument: str, requirement: str, got: Any, error: type = ValueError):
    """Raise ``error`` in the project's message form unless ``condition`` holds."""
    if not condition:
        raise error(f"{method}: `{argument}` must {requirement}, got {got}")


def check_images(method: str, images: Any, dtype: torch.dtype | None, device: torch.device | None) -> None:
    """``images`` is a finite (N, C, H, W) tensor with pixels, in the model's dtype and on its device."""
    expect(
        isinstance(images, Tensor), method, "images", "be a torch.Tensor", type(images).__name__, TypeError
    )
    shape = tuple(images.shape)
    expect(images.ndim == 4, method, "images", "have shape (N, C, H, W)", shape)
    expect(images.is_floating_point(), method, "images", "have a floating dtype", images.dtype, TypeError)
    expect(0 not in shape[1:], method, "images", "have at least one channel and one pixel", shape)
    expect(
        dtype in (None, images.dtype),
        method,
        "images",
        f"have the model's dtype {dtype}",
        images.dtype,
        TypeError,
    )
    expect(
        device in (None, images.device), method, "images", f"be on the model's device {device}", images.device
    )
    if not math.isfinite(images.detach().sum()):  # one pass; a finite sum has finite terms
        finite = torch.isfinite(images).flatten(1).all(1)
        rows = (~finite).nonzero().flatten().tolist()
        shown = ", ".join(map(str, rows[:5])) + (", …" if len(rows) > 5 else "")
        expect(not rows, method, "images", "be finite", f"NaN or infinity in row {shown}")


def check_ids(method: str, ids: Any, images: Tensor) -> Tensor:
    """The sample ids as an (N,) int64 tensor on the images' device; the row numbers where ``ids`` is None."""
    if ids is None:
        return torch.arange(len(images), device=images.device)
    ids = torch.as_tensor(ids, device=images.device)
    expect(ids.dtype == torch.int64, method, "ids", "be int64", ids.dtype, TypeError)
    expect(ids.shape == (len(images),), method, "ids", f"have shape ({len(images)},)", tuple(ids.shape))
    return ids


def positive(name: str, value: Any) -> None:
    """An option's value is a positive whole number."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"`{name}` must be a positive whole number, got {value!r}")


def non_negative(name: str, value: Any) -> None:
    """An option's value is a real number that is not negative."""
    if not isinstance(value, Real) or isinstance(value, bool) or not 0 <= value < float("inf"):
        raise ValueError(f"`{name}` must be a number that is not negative, got {value!r}")


def whole(name: str, value: Any) -> None:
    """An option's value is a whole number."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"`{name}` must be a whole number, got {value!r}")


def one_of(name: str, value: Any, choices) -> None:
    """An option's value is one of ``choices``."""
    if value not in choices:
        raise ValueError(f"`{name}` must be one of {', '.join(map(repr, choices))}, got {value!r}")
