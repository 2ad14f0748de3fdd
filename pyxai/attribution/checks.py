"""Checks of what an explainer is called with."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from pyxai.checks import expect, expect_images


def check_images(method: str, images: Any, dtype: torch.dtype | None, device: torch.device | None) -> None:
    """``images`` is a finite (N, C, H, W) tensor with pixels, in the model's dtype and on its device."""
    expect_images(method, images)
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
