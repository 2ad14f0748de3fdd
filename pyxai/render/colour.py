"""Colour maps as tables of 511 sRGB colours; the middle entry stands for zero in a signed map."""

from __future__ import annotations

from functools import cache

import numpy as np

SIZE = 511


def _srgb(lab: np.ndarray) -> np.ndarray:
    """OKLab (…, 3) to sRGB in [0, 1], not clipped (Ottosson 2020, "A perceptual color space")."""
    to_lms = np.array(
        [
            [1.0, 0.3963377774, 0.2158037573],
            [1.0, -0.1055613458, -0.0638541728],
            [1.0, -0.0894841775, -1.2914855480],
        ]
    )
    to_rgb = np.array(
        [
            [4.0767416621, -3.3077115913, 0.2309699292],
            [-1.2684380046, 2.6097574011, -0.3413193965],
            [-0.0041960863, -0.7034186147, 1.7076147010],
        ]
    )
    linear = ((lab @ to_lms.T) ** 3) @ to_rgb.T
    return np.where(
        linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 0.0031308) ** (1 / 2.4) - 0.055
    )


def _polar(lightness: np.ndarray, chroma: np.ndarray, hue: float) -> np.ndarray:
    """sRGB of OKLab in polar form, ``hue`` in degrees; chroma gives way where a screen cannot show it."""
    angle = np.deg2rad(hue)
    direction = np.array([np.cos(angle), np.sin(angle)])

    def colour(share: np.ndarray) -> np.ndarray:
        return _srgb(np.column_stack([lightness, (share * chroma)[:, None] * direction]))

    shown, not_shown = np.zeros_like(chroma), np.full_like(chroma, 1 + 1e-9)
    for _ in range(30):
        share = (shown + not_shown) / 2
        rgb = colour(share)
        fits = ((rgb >= 0) & (rgb <= 1)).all(axis=1)
        shown, not_shown = np.where(fits, share, shown), np.where(fits, not_shown, share)
    return np.clip(colour(shown), 0, 1)


def _diverging() -> np.ndarray:
    """Blue (negative) over white to red: equal steps of lightness away from zero, alike on both sides."""
    strength = np.linspace(0, 1, SIZE // 2 + 1)
    lightness = 0.99 - 0.56 * strength
    chroma = 0.24 * strength**0.75
    negative, positive = _polar(lightness, chroma, 262), _polar(lightness, chroma, 28)
    return np.concatenate([negative[:0:-1], positive])


def _jet() -> np.ndarray:
    """Each primary is a trapezium of the value: blue around 1/4, green around 1/2, red around 3/4."""
    value = np.linspace(0, 1, SIZE)[:, None]
    return np.clip(1.5 - np.abs(4 * value - np.array([3, 2, 1])), 0, 1)


def _gray() -> np.ndarray:
    return np.repeat(np.linspace(0, 1, SIZE)[:, None], 3, axis=1)


COLOUR_MAPS = {"diverging": _diverging, "jet": _jet, "gray": _gray}


@cache
def colour_map(name: str) -> np.ndarray:
    """The table of a colour map: (511, 3) uint8, from the lowest value to the highest."""
    if name not in COLOUR_MAPS:
        raise ValueError(f"`cmap` must be one of {', '.join(COLOUR_MAPS)}, got {name!r}")
    table = np.round(255 * COLOUR_MAPS[name]()).astype(np.uint8)
    table.setflags(write=False)
    return table
