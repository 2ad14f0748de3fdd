"""The part of an image that a mask shall keep, by Otsu's threshold on an intensity map."""

from __future__ import annotations

import torch
from torch import Tensor

BINS = 200


def otsu_threshold(values: Tensor) -> Tensor:
    """Thresholds (N,) float64 that part each row of ``values`` (N, P) best (Otsu 1979).

    The upper edge of that of 200 equal bins from the least to the greatest value of a row for which ω₀ ω₁
    (μ₀ - μ₁)² is greatest, the first of several, with means of the bins' centres. Of a row whose values are
    all the same it is that value.
    """
    values = values.double()
    least, greatest = values.amin(1, keepdim=True), values.amax(1, keepdim=True)
    step = (greatest - least) / BINS
    number = torch.arange(BINS, device=values.device)
    bins = ((values - least) / torch.where(step > 0, step, 1)).long().clamp(max=BINS - 1)
    counts = torch.stack([(row[:, None] == number).sum(0) for row in bins]).double()
    centres = least + (number + 0.5) * step
    below, sums = counts.cumsum(1)[:, :-1], (counts * centres).cumsum(1)
    above = values.shape[1] - below
    apart = sums[:, :-1] / below - (sums[:, -1:] - sums[:, :-1]) / above  # the outer bins are never empty
    between = torch.where(step > 0, below * above * apart.square(), 0)
    best = torch.where(between == between.amax(1, keepdim=True), number[:-1], BINS).amin(1)
    return least[:, 0] + (best + 1) * step[:, 0]


def otsu_area(intensity: Tensor) -> Tensor:
    """The part (N,) float64 of each map (N, h, w) above Otsu's threshold; 1 of a map of one value."""
    rows = intensity.flatten(1).double()
    threshold = otsu_threshold(rows)
    constant = rows.amax(1) == rows.amin(1)
    part = torch.stack([(row > bound).double().mean() for row, bound in zip(rows, threshold, strict=True)])
    return torch.where(constant, 1.0, part)
