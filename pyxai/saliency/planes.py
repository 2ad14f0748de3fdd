"""Grey values, and separable linear maps of planes as one matrix for each side."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

LUMA = (0.299, 0.587, 0.114)  # Rec. 601


def grey(images: Tensor) -> Tensor:
    """Luma of (N, 1 or 3, H, W), (N, H, W)."""
    if images.shape[1] == 1:
        return images[:, 0]
    red, green, blue = images.unbind(1)
    return (LUMA[0] * red).add_(green, alpha=LUMA[1]).add_(blue, alpha=LUMA[2])


def grey_levels(images: Tensor) -> Tensor:
    """8-bit luma as OpenCV rounds it, whole numbers 0..255 in the images' dtype, (N, H, W).

    Pixels are rounded to 8 bits first; the weights are multiples of 2^-15, so that float32 is exact.
    """
    levels = (images * 255).round_()
    if images.shape[1] == 1:
        return levels[:, 0]
    red, green, blue = levels.unbind(1)
    return (red * 9798).add_(green, alpha=19235).add_(blue, alpha=3735).add_(16384).div_(32768).floor_()


def separable(planes: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """``rows`` (h, H) and ``columns`` (w, W) applied to planes (..., H, W) along their sides: (..., h, w)."""
    return rows @ (planes @ columns.T)


def resize(planes: Tensor, height: int, width: int, antialias: bool = True) -> Tensor:
    """Bilinear, planes (N, H, W) in their dtype; ``antialias`` widens the triangles where it shrinks."""
    if planes.shape[1:] == (height, width):
        return planes
    sides = [(planes.shape[1], height), (planes.shape[2], width)]
    rows, columns = (_resizing(*side, antialias).to(planes.device, planes.dtype) for side in sides)
    return separable(planes, rows, columns)


@lru_cache(maxsize=64)
def _resizing(length: int, target: int, antialias: bool) -> Tensor:
    """(target, length) float64: triangles about the new pixels' centres, a pixel or more to each side."""
    scale = length / target
    centre = ((torch.arange(target, dtype=torch.float64) + 0.5) * scale - 0.5).clamp(0, length - 1)
    distance = (torch.arange(length, dtype=torch.float64) - centre[:, None]).abs()
    weights = (1 - distance / (max(1.0, scale) if antialias else 1.0)).clamp(min=0)
    return weights / weights.sum(1, keepdim=True)


def gaussian_taps(sigma: float, reach: int) -> Tensor:
    """(2 reach + 1,) float64, normalised."""
    taps = torch.exp(-0.5 * (torch.arange(-reach, reach + 1, dtype=torch.float64) / sigma) ** 2)
    return taps / taps.sum()


@lru_cache(maxsize=64)
def _gaussian(length: int, sigma: float) -> Tensor:
    """(length, length) float64: a Gaussian window about each place, cut at the border and normalised."""
    place = torch.arange(length, dtype=torch.float64)
    weights = torch.exp(-0.5 * ((place - place[:, None]) / sigma) ** 2)
    weights = weights * ((place - place[:, None]).abs() <= math.ceil(4 * sigma))
    return weights / weights.sum(1, keepdim=True)


@lru_cache(maxsize=64)
def _box(length: int, radius: int) -> Tensor:
    """(length, length) float64: ones about each place as far as ``radius``, cut at the border."""
    place = torch.arange(length)
    return ((place - place[:, None]).abs() <= radius).double()


def gaussian_mean(planes: Tensor, sigma: float) -> Tensor:
    """Weighted mean about each pixel, in float64. Windows end at four sigma and at the border."""
    rows, columns = (_gaussian(side, sigma).to(planes.device) for side in planes.shape[-2:])
    return separable(planes.double(), rows, columns)


def box_mean(planes: Tensor, radius: int) -> Tensor:
    """Mean of the (2 radius + 1)² pixels about each, fewer at the border, in float64.

    The sums of pixels that are multiples of 1/255 in float32 are exact in float64 whatever their order.
    """
    rows, columns = (_box(side, radius).to(planes.device) for side in planes.shape[-2:])
    return separable(planes.double(), rows, columns) / (rows.sum(1)[:, None] * columns.sum(1))


def unit_range(maps: Tensor) -> Tensor:
    """Each map (N, H, W) from 0 to 1; zero where it is flat."""
    low, high = maps.amin((1, 2), keepdim=True), maps.amax((1, 2), keepdim=True)
    extent = high - low
    return (maps - low) / torch.where(extent > 0, extent, 1)


def pad_edge(planes: Tensor, reach: int) -> Tensor:
    """(N, H, W) with its border values repeated ``reach`` times on each side."""
    return F.pad(planes[:, None], (reach,) * 4, "replicate")[:, 0]
