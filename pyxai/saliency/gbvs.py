"""Graph-based visual saliency (Harel, Koch & Perona 2006), its Markov chains solved in closed form."""

from __future__ import annotations

import torch
from torch import Tensor

from pyxai.checks import whole
from pyxai.saliency.face import classical
from pyxai.saliency.features import (
    NEGLIGIBLE,
    SMALLEST,
    enlarged,
    intensity,
    opponents,
    orientations,
    pyramid,
)
from pyxai.saliency.planes import resize, unit_peak

SCALES = (2, 3, 4)
ACTIVATION, NORMALISATION = 0.15, 0.06
"""Deviations of the two graphs' Gaussians, in mean sides of a map."""


@classical(pixels=SMALLEST**2)
def gbvs(images: Tensor, size: int = 32) -> Tensor:
    """Intensity, colour and orientation maps, each replaced by the stationary law of two random walks, added.

    A walk from i to j has weight |M_i - M_j| F_ij, F a Gaussian of the distance: symmetric weights, so the
    law is the weighted degree. The second has weight A_j F_ij from i to j: its law is A_i (F A)_i.

    Args:
        images: (N, 1 or 3, H, W) in [0, 1]; enlarged as for :func:`itti_koch` where small.
        size: The longer side, in pixels, of the maps on which the walks run. Every pixel of such a map is a
            node of the graph.

    Returns (N, H, W), the largest value 1.
    """
    whole("size", size, 2)
    pictures = enlarged(images)
    light = pyramid(intensity(pictures), max(SCALES) + 1)
    channels = [
        [light],
        [pyramid(plane, max(SCALES) + 1) for plane in opponents(pictures)],
        orientations(light, SCALES),
    ]
    scale = size / max(images.shape[2:])
    small = [max(1, round(scale * side)) for side in images.shape[2:]]
    maps = 0
    for features in channels:
        planes = torch.cat([resize(levels[scale], *small) for levels in features for scale in SCALES])
        flat = planes.amax((1, 2)) - planes.amin((1, 2)) < NEGLIGIBLE
        laws = normalisation_law(activation_law(planes.masked_fill(flat[:, None, None], 0)))
        maps = maps + laws.view(-1, len(images), *small).mean(0)
    return unit_peak(resize(maps, *images.shape[2:]))


def activation_law(maps: Tensor) -> Tensor:
    """Stationary law of the walk with weights |M_i - M_j| F_ij on maps (N, h, w); sums to 1.

    Of a flat map, which has no weights, the uniform law.
    """
    height, width = maps.shape[1:]
    rows, columns = _graph(maps, ACTIVATION)
    closeness = torch.kron(rows, columns)
    degree = torch.empty_like(maps.flatten(1))
    for into, values in zip(degree, maps.flatten(1), strict=True):  # one at a time: squares of the nodes
        torch.sum((values - values[:, None]).abs_().mul_(closeness), 1, out=into)
    return _normalised(degree).view(-1, height, width)


def normalisation_law(activation: Tensor) -> Tensor:
    """Stationary law of the walk with weights A_j F_ij on activations (N, h, w); sums to 1."""
    rows, columns = _graph(activation, NORMALISATION)
    law = activation * (rows @ activation @ columns)
    return _normalised(law.flatten(1)).view(activation.shape)


def _graph(maps: Tensor, deviation: float) -> tuple[Tensor, Tensor]:
    """The Gaussian of the distance as a product of one matrix for each side: F = rows ⊗ columns."""
    height, width = maps.shape[1:]
    sigma = deviation * (height + width) / 2
    places = (torch.arange(side, dtype=maps.dtype, device=maps.device) for side in (height, width))
    return tuple(torch.exp(-((place - place[:, None]) ** 2) / (2 * sigma**2)) for place in places)


def _normalised(weights: Tensor) -> Tensor:
    total = weights.sum(1, keepdim=True)
    return torch.where(total > 0, weights / torch.where(total > 0, total, 1), 1 / weights.shape[1])
