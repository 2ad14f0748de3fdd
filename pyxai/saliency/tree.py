"""Minimum spanning tree saliency: how high a barrier separates a pixel from the picture's border."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from pyxai import _native
from pyxai.saliency.colour import lab
from pyxai.saliency.face import classical
from pyxai.saliency.planes import unit_peak

BAND = 0.1  # width of the border band, in square roots of the number of pixels
STEEPNESS = 10.0  # of the final sigmoid


@classical()
def spanning_tree(images: Tensor, refine: bool = True, exact: bool = False) -> Tensor:
    """Minimum barrier distance to the border along the minimum spanning tree of the pixel grid.

    An edge between 4-neighbours weighs the largest difference over the channels, in 8 bits; ties go by the
    edge's number. A path's barrier is the largest extent of its values over the channels; a pixel's distance
    is the lowest barrier of the tree's paths to border pixels (Tu et al. 2016).

    Args:
        images: (N, 1 or 3, H, W) in [0, 1].
        refine: True adds to the distance how unlike the border's colours a pixel is, favours the middle and
            steepens the map (Zhang et al. 2015). False gives the distance alone.
        exact: True walks all paths of the tree, which is slow and meant for checking. False makes two passes
            over it, which keep one path per pixel, so their distances are upper bounds.

    Returns (N, H, W) in [0, 1]: with ``refine`` from 0 to 1, else the distance in units of the image.
    """
    levels = (images * 255).round().to(torch.uint8).permute(0, 2, 3, 1)
    found = _native.barrier_distances(levels.cpu().numpy(), exact)
    distance = torch.from_numpy(found).to(images) / 255
    return _refined(distance, images) if refine else distance


def _refined(distance: Tensor, images: Tensor) -> Tensor:
    maps = unit_peak(distance) + _unlike_border(images)
    height, width = maps.shape[1:]
    y, x = (torch.arange(side, device=maps.device) - (side - 1) / 2 for side in (height, width))
    away = (y[:, None].square() + x.square()).sqrt() / max(math.hypot(height - 1, width - 1) / 2, 1)
    maps = unit_peak(maps * (1 - away.to(maps)))
    low, high = (torch.sigmoid(maps.new_tensor(STEEPNESS * side)) for side in (-0.5, 0.5))
    return (torch.sigmoid(STEEPNESS * (maps - 0.5)) - low) / (high - low)


def _unlike_border(images: Tensor) -> Tensor:
    """Mahalanobis distances in L*a*b* to the colours of the four border bands, each with largest value 1.

    The sum of the four without the largest: an object may touch one side.
    """
    colours = lab(images)
    height, width = colours.shape[2:]
    band = max(1, round(BAND * math.sqrt(height * width)))
    sides = (colours[..., :band, :], colours[..., -band:, :], colours[..., :band], colours[..., -band:])
    points = colours.flatten(2)
    one = torch.eye(3, dtype=points.dtype, device=points.device)  # unit of colour
    distances = []
    for side in sides:
        members = side.flatten(2)
        mean = members.mean(2, keepdim=True)
        centred = members - mean
        covariance = centred @ centred.transpose(1, 2) / members.shape[2]
        covariance = covariance + one  # a flat border has no colours
        away = points - mean
        squares = (away * torch.linalg.solve(covariance, away)).sum(1).clamp(min=0)
        distances.append(unit_peak(squares.sqrt().view(-1, height, width)))
    every = torch.stack(distances)
    return every.sum(0) - every.amax(0)
