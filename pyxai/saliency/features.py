"""The early visual features of Itti, Koch & Niebur 1998, §2.1, on Gaussian pyramids."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from pyxai.saliency.planes import pad_edge, resize, separable

LEVELS = 9  # scales 0 to 8: each half the size of the one before
SMALLEST = 256  # longer side of a picture with nine levels
NEGLIGIBLE = 1e-5  # of a feature; normalising a map that holds only rounding would make it as strong as any
ANGLES = (0, 45, 90, 135)  # degrees between the horizontal and the direction in which a Gabor wave varies

Pyramid = list[Tensor]  # planes (N, H, W) from fine to coarse


def enlarged(images: Tensor) -> Tensor:
    """Images whose longer side is below 256 pixels, brought to that, so that a pyramid has nine levels."""
    height, width = images.shape[2:]
    longer = max(height, width)
    if longer >= SMALLEST:
        return images
    size = (max(1, round(height * SMALLEST / longer)), max(1, round(width * SMALLEST / longer)))
    return resize(images.flatten(0, 1), *size).view(*images.shape[:2], *size)


def pyramid(planes: Tensor, levels: int = LEVELS) -> Pyramid:
    """Each level half the size of the one before, by [1 5 10 10 5 1] / 32; a side of one pixel stays one.

    The even filter keeps the levels' pixels centred on each other (SaliencyToolbox), so none is displaced.
    """
    found = [planes]
    while len(found) < levels:
        rows, columns = (_halving(side).to(planes) for side in found[-1].shape[1:])
        found.append(separable(found[-1], rows, columns))
    return found


@lru_cache(maxsize=64)
def _halving(length: int) -> Tensor:
    """((length + 1) // 2, length) float64; beyond the border stands the outermost pixel."""
    weights = torch.zeros((length + 1) // 2, length, dtype=torch.float64)
    rows = torch.arange(len(weights))
    for offset, tap in zip(range(-2, 4), (1, 5, 10, 10, 5, 1), strict=True):
        places = (2 * rows + offset).clamp(0, length - 1)
        weights.index_put_((rows, places), torch.tensor(tap / 32, dtype=torch.float64), accumulate=True)
    return weights


def faded(planes: Tensor, reach: int) -> Tensor:
    """Planes (N, H, W) that rise from the border over ``reach`` pixels, where a filter saw beyond it."""
    height, width = (_ramp(side, reach).to(planes) for side in planes.shape[1:])
    return planes * height[:, None] * width


def _ramp(length: int, reach: int) -> Tensor:
    place = torch.arange(length, dtype=torch.float64)
    return ((torch.minimum(place, length - 1 - place) + 1) / (reach + 1)).clamp(max=1)


def intensity(images: Tensor) -> Tensor:
    """(r + g + b) / 3, (N, H, W)."""
    return images.mean(1)


def opponents(images: Tensor) -> tuple[Tensor, Tensor]:
    """R - G and B - Y, each (N, H, W), of colours divided by the intensity; 0 where that is below a tenth.

    R = r - (g + b)/2, G = g - (r + b)/2, B = b - (r + g)/2, Y = (r + g)/2 - |r - g|/2 - b, none below zero.
    """
    light = intensity(images)
    seen = light > light.amax((1, 2), keepdim=True) / 10
    scale = torch.where(seen, 1 / torch.where(seen, light, 1), 0)
    red, green, blue = (images.expand(-1, 3, -1, -1) * scale[:, None]).unbind(1)
    wide_red = (red - (green + blue) / 2).clamp(min=0)
    wide_green = (green - (red + blue) / 2).clamp(min=0)
    wide_blue = (blue - (red + green) / 2).clamp(min=0)
    yellow = ((red + green) / 2 - (red - green).abs() / 2 - blue).clamp(min=0)
    return wide_red - wide_green, wide_blue - yellow


def orientations(levels: Pyramid) -> list[Pyramid]:
    """For each of four angles, the energy of two 9x9 Gabor filters a quarter period apart, at each level.

    Period 7 and deviation 7/3 pixels, mean zero, norm one, fading out at the border, as in the
    SaliencyToolbox (Walther & Koch 2006).
    """
    filters = _gabors().to(levels[0])
    found: list[Pyramid] = [[] for _ in ANGLES]
    for planes in levels:
        responses = F.conv2d(pad_edge(planes, 4)[:, None], filters).abs()
        for angle, pair in zip(
            found, responses.view(len(planes), len(ANGLES), 2, *planes.shape[1:]).unbind(1), strict=True
        ):
            angle.append(faded(pair.sum(1), 4))
    return found


@lru_cache(maxsize=1)
def _gabors() -> Tensor:
    """(8, 1, 9, 9) float64: even and odd filter of each angle."""
    side = torch.arange(-4, 5, dtype=torch.float64)
    y, x = side[:, None], side
    window = torch.exp(-(x * x + y * y) / (2 * (7 / 3) ** 2))
    found = []
    for angle in ANGLES:
        along = x * math.cos(math.radians(angle)) - y * math.sin(math.radians(angle))
        for wave in (torch.cos, torch.sin):
            filter_ = window * wave(2 * math.pi * along / 7)
            filter_ = filter_ - filter_.mean()
            found.append(filter_ / filter_.norm())
    return torch.stack(found)[:, None]
