"""The early visual features of Itti, Koch & Niebur 1998, §2.1, on Gaussian pyramids."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from pyxai.saliency.planes import pad_edge, resize

LEVELS = 9  # scales 0 to 8: each half the size of the one before
SMALLEST = 256  # longer side of a picture with nine levels
NEGLIGIBLE = 1e-5  # of a feature; normalising a map that holds only rounding would make it as strong as any
ANGLES = (0, 45, 90, 135)  # degrees between the horizontal and the direction in which a Gabor wave varies

HALVING = (1, 5, 10, 10, 5, 1)

Pyramid = dict[int, Tensor]  # scale to planes (N, H, W)


def enlarged(images: Tensor) -> Tensor:
    """Images whose longer side is below 256 pixels, brought to that, so that a pyramid has nine levels."""
    height, width = images.shape[2:]
    longer = max(height, width)
    if longer >= SMALLEST:
        return images
    size = (max(1, round(height * SMALLEST / longer)), max(1, round(width * SMALLEST / longer)))
    return resize(images.flatten(0, 1), *size).view(*images.shape[:2], *size)


def pyramid(planes: Tensor, levels: int = LEVELS) -> Pyramid:
    """Scales 0 to ``levels`` - 1: each half the size of the one before; a side of one pixel stays one."""
    found = {0: planes}
    for scale in range(1, levels):
        found[scale] = _halved(found[scale - 1])
    return found


def _halved(planes: Tensor) -> Tensor:
    """Every second row and column of [1 5 10 10 5 1] / 32; beyond the border stands the outermost pixel.

    The even filter keeps the levels' pixels centred on each other (SaliencyToolbox), so none is displaced.
    """
    for side in (1, 2):
        length = planes.shape[side]
        places = torch.arange(-2, length + 3, device=planes.device).clamp(0, length - 1)
        padded = planes.index_select(side, places)
        parts = padded.unfold(side, 6, 2)
        planes = parts @ (planes.new_tensor(HALVING) / 32)
    return planes


def faded(planes: Tensor, reach: int) -> Tensor:
    """Planes (N, H, W) that rise from the border over ``reach`` pixels, where a filter saw beyond it."""
    height, width = (_ramp(side, reach).to(planes) for side in planes.shape[1:])
    return planes * height[:, None] * width


def _ramp(length: int, reach: int) -> Tensor:
    place = torch.arange(length, dtype=torch.float64, device="cpu")
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


def orientations(levels: Pyramid, scales: Iterable[int]) -> list[Pyramid]:
    """For each of four angles, the energy of two 9x9 Gabor filters a quarter period apart, at ``scales``.

    Period 7 and deviation 7/3 pixels, mean zero, norm one, fading out at the border, as in the
    SaliencyToolbox (Walther & Koch 2006).
    """
    found: list[Pyramid] = [{} for _ in ANGLES]
    for scale in scales:
        planes = levels[scale]
        responses = F.conv2d(pad_edge(planes, 4)[:, None], _gabors().to(planes)).abs()
        energies = responses.view(len(planes), len(ANGLES), 2, *planes.shape[1:]).sum(2)
        for angle, energy in zip(found, energies.unbind(1), strict=True):
            angle[scale] = faded(energy, 4)
    return found


@lru_cache(maxsize=1)
def _gabors() -> Tensor:
    """(8, 1, 9, 9) float64: even and odd filter of each angle."""
    side = torch.arange(-4, 5, dtype=torch.float64, device="cpu")
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
