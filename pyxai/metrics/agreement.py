"""How far two maps of an image agree."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from pyxai.checks import expect, naming
from pyxai.metrics.planes import expect_finite


def pearson(first: Tensor, second: Tensor) -> Tensor:
    """Pearson's correlation of all values of each image (the survey's PCC).

    Args:
        first, second: (N, ...), finite, as many values for each image.

    Returns (N,) float64; NaN where one of the two is constant.

    Raises:
        ValueError, TypeError: the maps are not finite, or do not have as many values.
    """
    with naming("pearson"):
        first, second = map(_centred, _pair(first, second))
        return (first * second).sum(1) / (first.norm(dim=1) * second.norm(dim=1))


def similarity(first: Tensor, second: Tensor) -> Tensor:
    """How much two distributions overlap, 1 - Σ|p - q| / 2 = Σ min(p, q) (SIM, the survey's L1-similarity).

    Each map is brought to [0, 1] by its least and its greatest value and divided by its sum, as the MIT
    saliency benchmark does. So neither a factor above zero nor an offset counts, but a sign does.

    Args:
        first, second: (N, ...), finite, as many values for each image.

    Returns (N,) float64 in [0, 1], 1 for maps that are equal; NaN where one of the two is constant.

    Raises:
        ValueError, TypeError: the maps are not finite, or do not have as many values.
    """
    with naming("similarity"):
        return torch.minimum(*map(_distribution, _pair(first, second))).sum(1)


def _pair(first: Any, second: Any) -> tuple[Tensor, Tensor]:
    """Both maps as (N, values) float64, checked."""
    for name, maps in (("first", first), ("second", second)):
        expect(isinstance(maps, Tensor), name, "be a torch.Tensor", type(maps).__name__, TypeError)
        shape = tuple(maps.shape)
        expect(maps.ndim > 1 and 0 not in shape[1:], name, "have shape (N, …) with values", shape)
        expect_finite(name, maps)
    flat = first.detach().double().flatten(1), second.detach().double().flatten(1)
    wanted = f"have as many values for each image as `first`, {tuple(first.shape)}"
    expect(flat[0].shape == flat[1].shape, "second", wanted, tuple(second.shape))
    return flat


def _centred(values: Tensor) -> Tensor:
    """Values (N, P) less their mean, of which the greatest is 1 in size, so that squares neither overflow nor
    vanish; zero where all are the same, whatever the mean is rounded to.
    """
    constant = values.amax(1, keepdim=True) == values.amin(1, keepdim=True)
    values = values / values.abs().amax(1, keepdim=True)
    values = values - values.mean(1, keepdim=True)
    return torch.where(constant, 0.0, values / values.abs().amax(1, keepdim=True))


def _distribution(values: Tensor) -> Tensor:
    """Values (N, P) from 0 and of the sum 1; NaN where all are the same."""
    values = values - values.amin(1, keepdim=True)
    return values / values.sum(1, keepdim=True)
