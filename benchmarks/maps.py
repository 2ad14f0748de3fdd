"""Distances between attribution maps, image by image."""

from __future__ import annotations

from torch import Tensor


def relative_l1(maps: Tensor, reference: Tensor) -> Tensor:
    """Sum of |maps - reference| by the sum of |reference|: (N, ...) -> (N,), in float64."""
    difference = (maps.double() - reference.double()).abs().flatten(1).sum(1)
    return difference / reference.double().abs().flatten(1).sum(1)


def correlation(maps: Tensor, reference: Tensor) -> Tensor:
    """Pearson correlation of each map with its reference: (N, ...) -> (N,), in float64."""
    a, b = (value.double().flatten(1) for value in (maps, reference))
    a, b = a - a.mean(1, keepdim=True), b - b.mean(1, keepdim=True)
    return (a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1))
