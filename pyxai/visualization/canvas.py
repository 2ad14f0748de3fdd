"""Pictures and masks that are optimised by their spectra."""

from __future__ import annotations

import torch
from torch import Tensor

from pyxai import ops
from pyxai.visualization.colour import mixing_of
from pyxai.visualization.spectrum import frequencies, symmetric

SPREAD = 0.01
"""Standard deviation of the parts of the spectra that an optimisation starts from."""


class Canvas:
    """A picture of C channels and its mask as C + 1 half spectra; without a mask as C.

    Frequencies count by their inverse, so that a step of the optimiser moves low ones the most; channels are
    mixed as colours of natural pictures are, and a sigmoid brings all to (0, 1). Mordvintsev et al. 2018,
    "Differentiable image parameterizations".

    Args:
        size: (C, H, W).
        like: gives dtype and device.
        masked: whether there is a mask.
    """

    def __init__(self, size: tuple[int, int, int], like: Tensor, masked: bool = True):
        self.size, self._masked = size, masked
        channels, height, width = size
        amplitudes = 1 / (4 * (height * width) ** 0.5 * frequencies(height, width))
        self._amplitudes = amplitudes.to(like)
        self._mixing = mixing_of(channels, like.device, like.dtype).to(like)

    def start(self, ids: Tensor, seed: int) -> Tensor:
        """Spectra to start from, (N, C + 1, H, W // 2 + 1, 2); all but grey, a mask of about one half.

        Without a mask they are (N, C, …), the same for the picture.
        """
        shape = (self.size[0] + self._masked, *self._amplitudes.shape, 2)
        drawn = ops.normal_noise(ids, torch.zeros_like(ids), ops.derive_seed(seed, "spectra"), shape)
        return SPREAD * drawn.to(self._amplitudes)

    def __call__(self, spectra: Tensor) -> tuple[Tensor, Tensor | None]:
        """Pictures (N, C, H, W) and masks (N, H, W), or None, in (0, 1); differentiable."""
        channels, *size = self.size
        half = symmetric(torch.view_as_complex(spectra) * self._amplitudes, size[1])
        # One at a time: a library may transform several in another way than one.
        planes = torch.stack([torch.fft.irfft2(one, s=size, norm="forward") for one in half])
        mixed = sum(planes[:, c, None] * self._mixing[:, c, None, None] for c in range(channels))
        return mixed.sigmoid(), planes[:, channels].sigmoid() if self._masked else None
