"""One heat map in colours, alone or over its image."""

from __future__ import annotations

import numpy as np
from PIL import Image

from pyxai.render.colour import SIZE, colour_map


def unit(heatmap: np.ndarray, symmetric: bool = True, percentile: float = 99.5) -> np.ndarray:
    """Scale each map, (H, W) or (N, H, W), by itself.

    Args:
        symmetric: True: to [-1, 1] by the ``percentile`` of the magnitudes, so that zero stays zero.
            False: to [0, 1] between the two outer percentiles.
        percentile: values beyond it are clipped, so that single pixels do not hide the rest.

    Raises:
        ValueError: ``percentile`` is not from 0 to 100.
    """
    if not 0 <= percentile <= 100:
        raise ValueError(f"`percentile` must be a number from 0 to 100, got {percentile!r}")
    heatmap = np.asarray(heatmap, dtype=np.float64)
    axes = (-2, -1)
    if symmetric:
        limit = np.nanpercentile(np.abs(heatmap), percentile, axis=axes, keepdims=True)
        limit = np.where(limit > 0, limit, np.nanmax(np.abs(heatmap), axis=axes, keepdims=True))
        return np.clip(np.divide(heatmap, limit, out=np.zeros_like(heatmap), where=limit > 0), -1, 1)
    low = np.nanpercentile(heatmap, 100 - percentile, axis=axes, keepdims=True)
    extent = np.nanpercentile(heatmap, percentile, axis=axes, keepdims=True) - low
    return np.clip(np.divide(heatmap - low, extent, out=np.zeros_like(heatmap), where=extent > 0), 0, 1)


def colourise(
    heatmap: np.ndarray, cmap: str = "diverging", symmetric: bool = True, percentile: float = 99.5
) -> np.ndarray:
    """Heat maps in colours: (H, W) or (N, H, W) to uint8 (…, H, W, 3).

    Args:
        cmap: "diverging" (blue, white, red), "jet" or "gray".
        symmetric, percentile: how each map is scaled, see :func:`unit`. A signed map needs ``symmetric``.
    """
    scaled = unit(heatmap, symmetric, percentile)
    place = (scaled + 1) / 2 if symmetric else scaled
    return colour_map(cmap)[np.round(np.nan_to_num(place) * (SIZE - 1)).astype(np.intp)]


def overlay(
    image: np.ndarray,
    heatmap: np.ndarray,
    cmap: str = "diverging",
    symmetric: bool = True,
    percentile: float = 99.5,
) -> np.ndarray:
    """The heat map's colours over a pale grey version of the image, as strong as the map is there.

    Args:
        image: uint8 (H, W, 3).
        heatmap: (h, w); resized bilinearly where it is smaller or larger than the image.
        cmap, symmetric, percentile: as for :func:`colourise`.

    Returns:
        uint8 (H, W, 3).
    """
    heatmap = fit(heatmap, image.shape[:2])
    grey = np.asarray(Image.fromarray(image).convert("L"), dtype=np.float64)[..., None]
    pale = 255 - 0.6 * (255 - grey)
    colours = colourise(heatmap, cmap, symmetric, percentile)
    strength = np.nan_to_num(np.abs(unit(heatmap, symmetric, percentile)))[..., None] ** 0.7
    return np.round(pale + 0.9 * strength * (colours - pale)).astype(np.uint8)


def resized(image: np.ndarray, size: int) -> np.ndarray:
    """``image``, uint8 (H, W, 3), with a long side of ``size``; small ones keep their pixels visible."""
    picture = Image.fromarray(image)
    scale = size / max(picture.size)
    sides = [max(1, round(side * scale)) for side in picture.size]
    kind = Image.Resampling.NEAREST if scale >= 2 else Image.Resampling.LANCZOS
    return np.asarray(picture.resize(sides, kind))


def fit(heatmap: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """``heatmap`` (h, w) resized bilinearly to ``size`` (H, W)."""
    if heatmap.shape == tuple(size):
        return heatmap
    picture = Image.fromarray(np.asarray(heatmap, dtype=np.float32))
    return np.asarray(picture.resize((size[1], size[0]), Image.Resampling.BILINEAR))
