"""The model of Itti, Koch & Niebur 1998: centre–surround differences, normalised and added."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from pyxai.checks import naming, one_of
from pyxai.saliency.face import check_images, classical
from pyxai.saliency.features import (
    LEVELS,
    NEGLIGIBLE,
    SMALLEST,
    Pyramid,
    enlarged,
    faded,
    intensity,
    opponents,
    orientations,
    pyramid,
)
from pyxai.saliency.planes import gaussian_mean, resize, unit_peak, unit_range

CENTRES, DELTAS, COMMON = (2, 3, 4), (3, 4), 4
"""Scales of centres, steps from there to their surrounds, and the scale at which maps are added."""

USED = range(min(CENTRES), LEVELS)

BORDER = 20  # the part of the longer side over which differences fade out, as in the SaliencyToolbox

STEPS = 10  # of `iterative`

Normalisation = Literal["local_max", "iterative"]


@classical(pixels=SMALLEST**2)
def itti_koch(images: Tensor, normalisation: Normalisation = "local_max") -> Tensor:
    """S = (N(I) + N(C) + N(O)) / 3 of intensity, colour and orientation (Itti, Koch & Niebur 1998, eq. 1-8).

    42 maps |centre - surround|: 6 of intensity, 12 of colour opponency, 24 of orientation.

    Args:
        images: (N, 1 or 3, H, W) in [0, 1]. Where the longer side is below 256 pixels it is enlarged to that
            first, so that nine scales exist.
        normalisation: The N of the formula, which promotes maps with few strong peaks. ``local_max`` brings
            the map to 0 to 1 and multiplies it by (1 - mean of the other local maxima)². ``iterative`` makes
            ten steps of excitation and inhibition by differences of Gaussians (Itti & Koch 2001).

    Returns (N, H, W), enlarged from scale 4, the largest value 1.
    """
    normalise = _NORMALISE[normalisation]
    maps = sum(normalise(channel) for channel in _channels(images, normalise).values()) / 3
    return unit_peak(resize(maps, *images.shape[2:]))


@naming("conspicuity")
def conspicuity(images: Tensor, normalisation: Normalisation = "local_max") -> dict[str, Tensor]:
    """The maps :func:`itti_koch` adds, ``intensity``, ``colour`` and ``orientation``, (N, H, W) each."""
    check_images(images)
    one_of("normalisation", normalisation, _NORMALISE)
    wide = images.detach().to(torch.promote_types(images.dtype, torch.float32))
    channels = _channels(wide, _NORMALISE[normalisation])
    return {name: resize(maps, *images.shape[2:]).to(images.dtype) for name, maps in channels.items()}


def _channels(images: Tensor, normalise: Callable[[Tensor], Tensor]) -> dict[str, Tensor]:
    """The conspicuity maps at the common scale."""
    pictures = enlarged(images)
    light = pyramid(intensity(pictures))
    colours = [pyramid(plane) for plane in opponents(pictures)]
    size = light[COMMON].shape[1:]

    def across(differences: Iterable[Tensor]) -> Tensor:
        return sum(resize(normalise(difference), *size) for difference in differences)

    return {
        "intensity": across(_differences(light)),
        "colour": sum(across(_differences(colour)) for colour in colours),
        "orientation": sum(normalise(across(_differences(angle))) for angle in orientations(light, USED)),
    }


def _differences(levels: Pyramid) -> Iterable[Tensor]:
    """|centre - surround|, the surround enlarged to the centre's size, (N, h, w) each."""
    for centre in CENTRES:
        for delta in DELTAS:
            fine = levels[centre]
            difference = (fine - resize(levels[centre + delta], *fine.shape[1:])).abs()
            difference = torch.where(difference > NEGLIGIBLE, difference, 0)
            yield faded(difference, round(max(fine.shape[1:]) / BORDER))


def local_max(maps: Tensor) -> Tensor:
    """N by peaks: each map (N, H, W) from 0 to 1, times (1 - mean of the local maxima but the first)².

    A local maximum is above a tenth and no lower than its 8 neighbours; of equal neighbours one counts.
    """
    maps = unit_range(maps)
    padded = F.pad(maps, (1, 1, 1, 1), value=-1)
    height, width = maps.shape[1:]
    peaks = maps > 0.1
    for place in range(9):
        down, right = divmod(place, 3)
        neighbour = padded[:, down : down + height, right : right + width]
        peaks &= maps > neighbour if place < 4 else maps >= neighbour
    count = peaks.sum((1, 2)) - 1
    mean = ((maps * peaks).sum((1, 2)) - 1) / count.clamp(min=1)
    mean = torch.where(count > 0, mean, 0)
    return maps * (1 - mean).square()[:, None, None]


def iterative(maps: Tensor) -> Tensor:
    """N by competition: M <- max(0, M + DoG * M - 0.02), ten times, from a map from 0 to 1.

    Gaussians of integral 0.5² and deviation 2 % of the mean side, less integral 1.5² and 25 %.
    """
    maps, side = unit_range(maps), sum(maps.shape[1:]) / 2
    for _ in range(STEPS):
        largest = maps.amax((1, 2), keepdim=True)
        near, far = gaussian_mean(maps, 0.02 * side), gaussian_mean(maps, 0.25 * side)
        maps = (maps + 0.25 * near.to(maps) - 2.25 * far.to(maps) - 0.02 * largest).clamp(min=0)
    return maps


_NORMALISE = {"local_max": local_max, "iterative": iterative}
