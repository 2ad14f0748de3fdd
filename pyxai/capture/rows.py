"""How many rows a model call has, and filling a call up to that number."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor


class FixedRows:
    """Calls of a fixed number of rows.

    Convolution libraries choose algorithms by batch size, so the same image explained in a batch of 1 and of
    64 differs through rounding. Every call therefore has the same number of rows; a short one is filled up.

    Attributes:
        rows: the number of rows of a call.
    """

    def __init__(self, rows: int):
        self.rows = rows

    def blocks(self, total: int) -> Iterator[slice]:
        """Slices of at most ``rows`` that cover ``range(total)``."""
        return (slice(start, min(start + self.rows, total)) for start in range(0, total, self.rows))

    def fill(self, points: Tensor, size: int | None = None) -> Tensor:
        """``points`` with the last row repeated up to ``size`` rows, by default those of a call."""
        missing = (size or self.rows) - len(points)
        if missing:
            points = torch.cat([points, points[-1:].expand(missing, *points.shape[1:])])
        return points


def with_mates(image: Tensor) -> Tensor:
    """An image (1, C, H, W) and two that are unlike it and each other, also where it has one colour only."""
    ramp = torch.linspace(0, 1, image.numel(), dtype=image.dtype, device=image.device).reshape(image.shape)
    return torch.cat([image, (image + ramp) / 2, ramp])


def channels_last(images: Tensor) -> Tensor:
    """``images`` (N, C, H, W) in the memory format that convolutions of captured graphs read and write."""
    return images.contiguous(memory_format=torch.channels_last) if images.ndim == 4 else images


def default_rows(shape: tuple[int, ...], device: torch.device | str = "cpu") -> int:
    """Rows of a model call: a rule, not a measurement, so it never wavers.

    On a CPU about as many pixels as eight 224² images, which stay in its caches; 32 times that on a GPU.

    Args:
        shape: of the images, (N, C, H, W) or (N, C, T, H, W).
        device: that the model runs on.
    """
    pixels = 8 * 224 * 224 * (1 if torch.device(device).type == "cpu" else 32)
    most = 64 if torch.device(device).type == "cpu" else 1024
    return max(1, min(most, 2 ** round(math.log2(max(1.0, pixels / math.prod(shape[2:]))))))


def fit_rows(wanted: int, total: int) -> int:
    """The number near ``wanted`` that splits ``total`` rows into full calls with the least padding."""
    if total <= wanted:
        return total
    candidates = range(max(1, math.ceil(wanted / 2)), wanted + wanted // 2 + 1)
    return min(candidates, key=lambda rows: (math.ceil(total / rows) * rows, abs(rows - wanted)))
