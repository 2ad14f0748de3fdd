"""Centre against surround: how far a pixel is from the mean about it."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from pyxai.checks import expect, whole
from pyxai.saliency.face import classical
from pyxai.saliency.planes import box_mean, gaussian_mean, grey_levels, unit_peak, window_sum

NEIGHBOURHOODS = (12, 24, 28, 48, 56, 112)
"""Scales of :func:`fine_grained`, in pixels to either side."""


@classical()
def centre_surround(
    images: Tensor,
    radius: int | tuple = (8, 16, 32),
    window: Literal["box", "gaussian"] = "box",
) -> Tensor:
    """S(x) = |I(x) - mean of I about x|, averaged over scales and channels (slides).

    Args:
        images: (N, 1 or 3, H, W) in [0, 1].
        radius: The scale in pixels, or several, whose maps are averaged. A box has 2 radius + 1 pixels a
            side; a Gaussian has the standard deviation radius / 2. Both are cut at the border: the mean is of
            what remains.
        window: The weights of the mean about a pixel: ``box`` are equal, ``gaussian`` fall off.

    Returns (N, H, W) in units of the image, at most 1. Sums are float64.
    """
    radii = radius if isinstance(radius, tuple) else (radius,)
    expect(len(radii) > 0, "radius", "have at least one scale", radius)
    radii = tuple(int(value) if isinstance(value, float) and value.is_integer() else value for value in radii)
    for value in radii:
        whole("radius", value, 1)
    planes = images.flatten(0, 1).double()
    total = torch.zeros_like(planes)
    for value in radii:
        mean = box_mean(planes, value) if window == "box" else gaussian_mean(planes, value / 2)
        total += (planes - mean).abs()
    return total.view(images.shape).mean(1) / len(radii)


@classical()
def fine_grained(images: Tensor) -> Tensor:
    """Centre–surround of six scales on 8-bit grey, as ``cv2.saliency.StaticSaliencyFineGrained``.

    The grey image is smoothed twice by [1 2 1] / 4; centre minus the mean of the window without its centre,
    and the reverse, are cut at zero and to whole numbers, summed over scales, each scaled to 255, added, and
    divided by the largest (Montabone & Soto 2010).

    Args:
        images: (N, 1 or 3, H, W) in [0, 1].

    Returns (N, H, W) in [0, 1].
    """
    levels = grey_levels(images).double()
    for _ in range(2):
        levels = _smoothed(levels)
    on, off = torch.zeros_like(levels), torch.zeros_like(levels)
    for reach in NEIGHBOURHOODS:
        difference = levels - _mean_without_centre(levels, reach)
        on += difference.clamp(min=0).floor()
        off += (-difference).clamp(min=0).floor()
    both = sum((255 * unit_peak(part.float()).double()).floor() for part in (on, off))  # float32 as in OpenCV
    return unit_peak(both)


def _smoothed(levels: Tensor) -> Tensor:
    """[1 2 1] / 4 along both sides, mirrored about the outermost pixel, rounded to whole numbers."""
    for side in (1, 2):
        count = levels.shape[side]
        place = torch.arange(-1, count + 1, device=levels.device).abs()
        place = (count - 1 - (count - 1 - place).abs()).clamp(0, count - 1)
        padded = levels.index_select(side, place)
        parts = (padded.narrow(side, start, count) for start in (0, 1, 2))
        before, middle, after = parts
        levels = before + 2 * middle + after
    return (levels / 16 + 0.5).floor()


def _mean_without_centre(levels: Tensor, reach: int) -> Tensor:
    """Mean over columns and rows (x - reach, x + reach] cut at the border, without the pixel itself."""
    sums, counts = window_sum(levels, reach - 1, reach)
    return (sums - levels) / (counts - 1).clamp(min=1)
