"""An image as the sum of a class-distinct part, a class-agnostic part and what the generators missed."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pyxai.dxai.networks import LATENT
from pyxai.dxai.step import Networks, numbered_generator


@dataclass(frozen=True)
class Decomposition:
    """Parts of images (N, C, H, W) in the generators' range [-1, 1].

    Attributes:
        branches: (N, n, C, H, W); the first is the distinct part.
        residual: what is missing, so that ``distinct + agnostic + residual`` is the image.
    """

    branches: Tensor
    residual: Tensor

    @property
    def distinct(self) -> Tensor:
        """ψ_distinct, (N, C, H, W)."""
        return self.branches[:, 0]

    @property
    def agnostic(self) -> Tensor:
        """ψ_agnostic, (N, C, H, W)."""
        return self.branches[:, 1:].sum(1)

    def psnr(self) -> Tensor:
        """Peak signal-to-noise ratio of the sum of the branches, (N,) decibels; the peak is 2."""
        return 10 * torch.log10(4 / self.residual.square().mean((1, 2, 3)))


@torch.no_grad()
def decompose(
    networks: Networks, images: Tensor, target: Tensor, *, samples: int = 1, seed: int = 0
) -> Decomposition:
    """Decompose images (N, C, H, W) in [-1, 1] of classes (N,) (paper, Fig. 12).

    Args:
        samples: styles that the branches are averaged over; every image gets the same.
        seed: of the styles.
    """
    noise = torch.randn(samples, LATENT, generator=numbered_generator(seed)).to(images.device)
    encoded = networks.generator.encode(images.contiguous(memory_format=torch.channels_last))
    total = None
    for row in noise:
        style = networks.mapping(row.expand(len(images), -1), target)
        branches = networks.generator.decode(encoded, style).branches
        total = branches if total is None else total + branches
    branches = total / samples
    return Decomposition(branches, images - branches.sum(1))
