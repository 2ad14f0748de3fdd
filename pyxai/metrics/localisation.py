"""Whether maps point to where something is known to be, by masks."""

from __future__ import annotations

import math
from functools import reduce
from typing import Any

import torch
from torch import Tensor

from pyxai.checks import expect, naming, non_negative
from pyxai.metrics.planes import expect_rows, planes


def energy_inside(maps: Tensor, masks: Tensor) -> Tensor:
    """Share of the positive part of each map that lies inside its mask.

    Args:
        maps: (N, …) like the masks, or (N, C, …), whose channels are first summed with their signs.
        masks: (N, …) bool, at least one place of each image marked.

    Returns (N,) float64 in [0, 1]; NaN where the map has no positive value. Of a map that is the same
    everywhere it is the share of the image that is marked.

    Raises:
        ValueError, TypeError: a map is not finite or not of the size of the masks, as that of a layer, which
            ``upsample`` enlarges; a mask is not bool or marks nothing.
    """
    with naming("energy_inside"):
        _check_masks(masks)
        positive = planes(maps, tuple(masks.shape)).clamp(min=0)
        return (positive * masks).flatten(1).sum(1) / positive.flatten(1).sum(1)


def pointing_game(maps: Tensor, masks: Tensor, tolerance: float = 0.0) -> Tensor:
    """Whether the greatest value of each map lies inside its mask (Zhang et al. 2016).

    Where several places have the greatest value, it is the share of them that lie inside: what is to be
    expected of one that is drawn.

    Args:
        maps: (N, …) like the masks, or (N, C, …), whose channels are first summed with their signs.
        masks: (N, …) bool, at least one place of each image marked.
        tolerance: how far from the mask still counts, in pixels between their centres. The authors take 15
            pixels, whatever the size of the image; by default only the mask itself counts.

    Returns (N,) float64: 1 for a hit, 0 for a miss; NaN where the map is the same everywhere, which points
    nowhere. The accuracy is the mean over the images of each class, and then over the classes.

    Raises:
        ValueError, TypeError: a map is not finite or not of the size of the masks, as that of a layer, which
            ``upsample`` enlarges; a mask is not bool or marks nothing; the tolerance is negative.
    """
    with naming("pointing_game"):
        non_negative("tolerance", tolerance)
        _check_masks(masks)
        values = planes(maps, tuple(masks.shape)).flatten(1)
        greatest = values.amax(1, keepdim=True)
        at = values == greatest
        share = (at & _near(masks, tolerance).flatten(1)).sum(1) / at.sum(1, dtype=torch.float64)
        return torch.where(at.all(1), math.nan, share)


def _check_masks(masks: Any) -> None:
    expect(isinstance(masks, Tensor), "masks", "be a torch.Tensor", type(masks).__name__, TypeError)
    expect(masks.dtype == torch.bool, "masks", "be bool", masks.dtype, TypeError)
    shape = tuple(masks.shape)
    expect(masks.ndim > 1 and 0 not in shape[1:], "masks", "have shape (N, …) with places", shape)
    expect_rows("masks", "mark at least one place", masks.flatten(1).any(1, keepdim=True), "an empty mask")


def _near(masks: Tensor, tolerance: float) -> Tensor:
    """The places at most ``tolerance`` from a marked one, (N, …) bool: squared distances, axis by axis."""
    squared = torch.where(masks, 0.0, math.inf)
    for axis in range(1, masks.ndim):
        length = masks.shape[axis]
        reach = min(math.floor(tolerance), length - 1)
        edge = squared.new_full((*masks.shape[:axis], reach, *masks.shape[axis + 1 :]), math.inf)
        padded = torch.cat([edge, squared, edge], axis)
        steps = range(-reach, reach + 1)
        squared = reduce(
            torch.minimum, (padded.narrow(axis, reach + step, length) + step**2 for step in steps)
        )
    return squared <= tolerance**2
