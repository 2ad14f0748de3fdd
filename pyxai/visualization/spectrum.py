"""Half spectra of real pictures: their frequencies, and the power of the planes that they become."""

from __future__ import annotations

import torch
from torch import Tensor


def frequencies(height: int, width: int) -> Tensor:
    """Cycles per pixel of each coefficient, (H, W // 2 + 1) float64; 0 counts as the lowest other one."""
    rows = torch.fft.fftfreq(height, dtype=torch.float64, device="cpu")
    columns = torch.fft.rfftfreq(width, dtype=torch.float64, device="cpu")
    return torch.hypot(rows[:, None], columns).clamp(min=1 / max(height, width))


def planes_power(amplitudes: Tensor, width: int) -> float:
    """Mean square of planes whose half spectra are complex normal numbers times amplitudes (H, W // 2 + 1).

    Nothing is divided by the number of pixels. Parts have variance 1, and are made symmetric where a column
    is its own mirror image, so that such a column has a quarter of what the others have.
    """
    weights = torch.full(amplitudes.shape[1:], 4.0, dtype=amplitudes.dtype, device=amplitudes.device)
    weights[0] = 1
    if width % 2 == 0:
        weights[-1] = 1
    return float((amplitudes.square() * weights).sum())


def symmetric(spectra: Tensor, width: int) -> Tensor:
    """Half spectra (…, H, W // 2 + 1) as those of real planes: the columns that are their own mirror image.

    Each of their values becomes the mean of it and of the conjugate of its mirror image. Libraries make
    different planes of spectra that are none of real ones.
    """
    rows = -torch.arange(spectra.shape[-2], device=spectra.device) % spectra.shape[-2]

    def mean(column: Tensor) -> Tensor:
        return 0.5 * (column + column[..., rows, :].conj())

    parts = [mean(spectra[..., :1]), spectra[..., 1:]]
    if width % 2 == 0:
        parts[1:] = [spectra[..., 1:-1], mean(spectra[..., -1:])]
    return torch.cat(parts, -1)
