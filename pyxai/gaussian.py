"""Gaussian windows: what every blur of the package weighs pixels with."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def window(distance: Tensor, sigma: float = 1.0, reach: float = math.inf) -> Tensor:
    """exp(-distance² / 2 sigma²), normalised to the sum 1 along the last side.

    Of the distances -reach, …, reach these are the taps of a filter; its caller says how the picture goes on
    beyond its border. Of the distances (L, L) between all places of a line they are a matrix whose rows are
    the windows about each place, cut at the border.

    Args:
        distance: any shape; the result has its shape, dtype and device.
        sigma: standard deviation, in units of the distances.
        reach: weights of larger distances are zero.
    """
    weights = torch.exp(-distance.square() / (2 * sigma**2))
    if math.isfinite(reach):
        weights = weights * (distance.abs() <= reach)
    return weights / weights.sum(-1, keepdim=True)


def distances(length: int) -> Tensor:
    """Signed distances between the places of a line, (length, length) float64 on the CPU."""
    place = torch.arange(length, dtype=torch.float64, device="cpu")
    return place - place[:, None]
