"""Maps as the metrics see them: one number for each place of an image."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from pyxai.checks import expect


def planes(maps: Any, shape: tuple[int, ...]) -> Tensor:
    """``maps`` without their channels, which are summed with their signs: ``shape``, in float64.

    Args:
        maps: ``shape``, or with an axis of channels behind that of the images; finite.
        shape: (N, …), the number and the size of the images.
    """
    expect(isinstance(maps, Tensor), "maps", "be a torch.Tensor", type(maps).__name__, TypeError)
    found = tuple(maps.shape)
    channels = maps.ndim == len(shape) + 1
    fits = found[:1] + found[2:] == shape and found[1] > 0 if channels else found == shape
    with_channels = f"({', '.join(map(str, (*shape[:1], 'C', *shape[1:])))})"
    expect(fits, "maps", f"have shape {shape} or {with_channels}", found)
    expect_finite("maps", maps)
    return maps.detach().double().sum(1) if channels else maps.detach().double()


def expect_finite(argument: str, maps: Tensor) -> None:
    """``maps`` (N, …) are real numbers, neither NaN nor infinity."""
    expect(not maps.is_complex(), argument, "have a real dtype", maps.dtype, TypeError)
    expect_rows(argument, "be finite", torch.isfinite(maps), "NaN or infinity")


def expect_rows(argument: str, requirement: str, holds: Tensor, got: str) -> None:
    """Raise a :class:`ValueError` that names the first images of which not all values (N, …) hold."""
    rows = (~holds.flatten(1).all(1)).nonzero().flatten().tolist()
    first = ", ".join(map(str, rows[:5])) + (", …" if len(rows) > 5 else "")
    expect(not rows, argument, requirement, f"{got} in row {first}")
