"""The fractal noise pyramid of attribution visualization: how strong its spectra are, and its draws."""

from __future__ import annotations

import functools

import torch
from torch import Tensor

from pyxai import ops
from pyxai.checks import expect
from pyxai.visualization.colour import mixing_of
from pyxai.visualization.spectrum import frequencies, planes_power

REFERENCE_SIZE = 224
"""Rows and columns of the pictures whose strength of noise pictures of every size have."""


SINGLE = 0.19, 3.0
"""σ and p of the noise of one level that the pyramid is compared with."""


def fractal_amplitudes(height: int, width: int, depth: int | None = 5) -> Tensor:
    """What the levels of a fractal noise pyramid multiply their spectra by, (D + 1, H, W // 2 + 1) float64.

    Shi et al. 2023, eq. 13: α σ_d F^(-p/2) with p = 3 - d / D and σ_d = 0.2 - d / (20 D), for d = 0 … D. F is
    the frequency in cycles per pixel, at frequency 0 the lowest other one. α is chosen level by level so that
    the noise is as strong as that of 224 × 224 pixels, where it is √(W H) / 4 with an inverse transform that
    divides by the number of pixels.

    Args:
        height, width: of the pictures.
        depth: D. 0 is a single level, that with d = 0; None the single one of the authors' ablation, with σ =
            0.19 and p = 3.
    """
    for name, size in (("height", height), ("width", width)):
        expect(size >= 1, name, "be positive", size)
    if depth is None:
        return _level(height, width, *SINGLE)[None]
    expect(depth >= 0, "depth", "not be negative", depth)
    parts = [d / max(depth, 1) for d in range(depth + 1)]
    return torch.stack([_level(height, width, 0.2 - part / 20, 3 - part) for part in parts])


def fractal_noise(
    ids: Tensor,
    draw: int,
    size: tuple[int, int, int],
    *,
    depth: int | None = 5,
    seed: int = 0,
    shared_spectrum: bool = False,
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """Fractal noise pyramids in (0, 1), (N, D + 1, C, H, W), a function of (seed, id, draw) alone.

    Three channels are coloured as those of natural pictures are; of other numbers each has its own noise.

    Args:
        ids: (N,) int64, which image a pyramid belongs to; its device is the result's.
        draw: of each image, in [0, 2^32).
        size: (C, H, W).
        depth: D, see :func:`fractal_amplitudes`.
        shared_spectrum: all levels filter the same spectrum, which is faster.
    """
    channels, height, width = size
    amplitudes = _amplitudes_on(height, width, depth, ids.device, dtype)
    mixing = mixing_of(channels, ids.device, dtype)
    draws = torch.full_like(ids, draw)
    return ops.fractal_noise_pyramid(ids, draws, amplitudes, mixing, seed, width, shared_spectrum, dtype)


def _level(height: int, width: int, deviation: float, power: float) -> Tensor:
    """The amplitudes of the level with σ_d = ``deviation`` and p = ``power``."""
    shape, wanted = (
        frequencies(*size) ** (-power / 2) for size in ((height, width), (REFERENCE_SIZE, REFERENCE_SIZE))
    )
    strength = planes_power(wanted, REFERENCE_SIZE) / REFERENCE_SIZE**2 / 16  # of α = √(W H) / 4
    return deviation * (strength / planes_power(shape, width)) ** 0.5 * shape


@functools.lru_cache(maxsize=8)
def _amplitudes_on(
    height: int, width: int, depth: int | None, device: torch.device, dtype: torch.dtype
) -> Tensor:
    real = torch.promote_types(dtype, torch.float32)
    return fractal_amplitudes(height, width, depth).to(device, real)
