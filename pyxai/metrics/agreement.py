"""How far two maps of an image agree."""

from __future__ import annotations

from torch import Tensor


def pearson(first: Tensor, second: Tensor) -> Tensor:
    """Pearson's correlation of all values of each image.

    Args:
        first, second: (N, ...), as many values for each image.

    Returns (N,) float64; NaN where one of the two is constant.
    """
    first, second = (x.double().flatten(1) for x in (first, second))
    first, second = (x - x.mean(1, keepdim=True) for x in (first, second))
    return (first * second).sum(1) / (first.norm(dim=1) * second.norm(dim=1))
