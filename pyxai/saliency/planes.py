"""Grey values, resizing, and means over windows: separable linear maps of planes (N, H, W).

Matrices and taps are made on the CPU, whatever the device: their bits are the same then, and they are kept.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from pyxai.gaussian import distances, window

LUMA = (0.299, 0.587, 0.114)  # Rec. 601
KEPT = 2**17  # entries of a matrix that is kept for the next picture: 1 MiB, and 64 of them


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


def resize(planes: Tensor, height: int, width: int, antialias: bool = True) -> Tensor:
    """Bilinear, planes (N, H, W) in their dtype; ``antialias`` widens the triangles where it shrinks."""
    if planes.shape[1:] == (height, width):
        return planes
    rows, columns = (
        _resizing(length, target, antialias).to(planes.device, planes.dtype)
        for length, target in zip(planes.shape[1:], (height, width), strict=True)
    )
    return rows @ (planes @ columns.T)


def _resizing(length: int, target: int, antialias: bool) -> Tensor:
    return (_kept_weights if length * target <= KEPT else _weights)(length, target, antialias)


def _weights(length: int, target: int, antialias: bool) -> Tensor:
    """(target, length) float64: triangles about the new pixels' centres, a pixel or more to each side."""
    scale = length / target
    place, new = (torch.arange(count, dtype=torch.float64, device="cpu") for count in (length, target))
    centre = ((new + 0.5) * scale - 0.5).clamp(0, length - 1)
    distance = (place - centre[:, None]).abs()
    weights = (1 - distance / (max(1.0, scale) if antialias else 1.0)).clamp(min=0)
    return weights / weights.sum(1, keepdim=True)


_kept_weights = lru_cache(maxsize=64)(_weights)


def gaussian_taps(sigma: float, reach: int) -> Tensor:
    """(2 reach + 1,) float64, normalised."""
    return window(torch.arange(-reach, reach + 1, dtype=torch.float64, device="cpu") / sigma)


def gaussian_mean(planes: Tensor, sigma: float) -> Tensor:
    """Weighted mean about each pixel of (N, H, W), in float64. Windows end at four sigma and the border."""
    found = planes.double()
    for side in (1, 2):
        smooth = _whole if found.shape[side] ** 2 <= KEPT else _in_stretches
        found = smooth(found.transpose(side, 2), sigma).transpose(side, 2)
    return found


def _whole(signals: Tensor, sigma: float) -> Tensor:
    """The mean along the last side, by one matrix."""
    return signals @ _gaussian(signals.shape[-1], sigma).to(signals.device).T


@lru_cache(maxsize=64)
def _gaussian(length: int, sigma: float) -> Tensor:
    """(length, length) float64: a Gaussian window about each place, cut at the border and normalised."""
    return window(distances(length) / sigma, reach=math.ceil(4 * sigma) / sigma)


def _in_stretches(signals: Tensor, sigma: float) -> Tensor:
    """The same where a side is long: products of overlapping stretches with one band matrix."""
    length = signals.shape[-1]
    reach = min(math.ceil(4 * sigma), length - 1)
    stretch = min(length, max(2 * reach, 16))
    taps = F.pad(gaussian_taps(sigma, reach).to(signals.device), (stretch - 1, stretch - 1))
    band = taps.unfold(0, stretch + 2 * reach, 1).flip(0).T

    def filtered(lines: Tensor) -> Tensor:
        padded = F.pad(lines, (reach, reach + -length % stretch))
        return (padded.unfold(-1, stretch + 2 * reach, stretch) @ band).flatten(-2)[..., :length]

    return filtered(signals) / filtered(signals.new_ones(length))


def window_sum(planes: Tensor, before: int, after: int) -> tuple[Tensor, Tensor]:
    """Sums over the pixels from ``before`` to ``after`` of each along both sides, cut at the border.

    Differences of running sums along one side after the other. Pixels k / 255 in float32 are whole multiples
    of 2^-31, so float64 holds their sums exactly, whatever their order, while the window's side times the
    picture's is at most 2^22.

    Args:
        planes: (N, H, W) float64.

    Returns the sums (N, H, W) and how many pixels are in them (H, W).
    """
    sums, counts = planes, []
    for side in (1, 2):
        length = planes.shape[side]
        ahead, behind = min(before, length - 1), min(after, length - 1)
        running = F.pad(sums, (0, 0) * (2 - side) + (ahead + 1, behind)).cumsum(side)
        sums = running.narrow(side, ahead + behind + 1, length) - running.narrow(side, 0, length)
        place = torch.arange(length, device=planes.device)
        counts.append((place + after + 1).clamp(max=length) - (place - before).clamp(min=0))
    return sums, counts[0][:, None] * counts[1]


def box_mean(planes: Tensor, radius: int) -> Tensor:
    """Mean of the (2 radius + 1)² pixels about each of (N, H, W), fewer at the border, in float64."""
    sums, counts = window_sum(planes.double(), radius, radius)
    return sums / counts


def unit_range(maps: Tensor) -> Tensor:
    """Each map (N, H, W) from 0 to 1; zero where it is flat."""
    low, high = maps.amin((1, 2), keepdim=True), maps.amax((1, 2), keepdim=True)
    extent = high - low
    return (maps - low) / torch.where(extent > 0, extent, 1)


def unit_peak(maps: Tensor) -> Tensor:
    """Each map (N, H, W) by its largest value; those without one above zero as they are."""
    largest = maps.amax((1, 2), keepdim=True)
    return maps / torch.where(largest > 0, largest, 1)


def pad_edge(planes: Tensor, reach: int) -> Tensor:
    """(N, H, W) with its border values repeated ``reach`` times on each side."""
    return F.pad(planes[:, None], (reach,) * 4, "replicate")[:, 0]
