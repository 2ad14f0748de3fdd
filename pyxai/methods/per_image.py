"""Arithmetic on the maps of a batch, each image by itself, so that no batch mate can change a bit."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def per_image(function: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """``function`` of each image on its own.

    A batched reduction may split its sum by the batch's size, which would let batch mates change the last
    bit.
    """
    return torch.stack([function(image) for image in images]) if len(images) else images.new_empty(0)


def image_sum(maps: Tensor) -> Tensor:
    """Sum of each map in float64: (N, ...) -> (N,)."""
    return per_image(lambda image: image.sum(dtype=torch.float64), maps).to(torch.float64)


def image_l1(maps: Tensor) -> Tensor:
    """Sum of magnitudes of each map in float64: (N, ...) -> (N,)."""
    return per_image(lambda image: image.abs().sum(dtype=torch.float64), maps).to(torch.float64)


def accumulator(images: Tensor) -> Tensor:
    """Zeros like ``images`` to sum gradients in: float32 at least."""
    return torch.zeros_like(images, dtype=torch.promote_types(images.dtype, torch.float32))
