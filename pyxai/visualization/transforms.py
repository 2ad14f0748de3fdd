"""Random transforms of pictures, by which an optimisation keeps to what survives them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from pyxai import ops
from pyxai.checks import expect

FULL_SIZE = 224
"""Rows or columns of the pictures that pixels are counted in; those of other sizes move in proportion."""


@dataclass(frozen=True)
class Transforms:
    """Padding, jitter, scale, rotation, shear, jitter and a crop to the size there was, as one warp.

    The picture goes on beyond its border as its mirror image, so that padding has nothing to add. Defaults
    are those of Shi et al. 2023.

    Args:
        jitter: pixels of both jitters: a crop of so many less at a random place, which is a shift by half as
            many in each direction.
        scale: least and greatest factor.
        rotate, shear: greatest angle in degrees, in both directions.
        edge: ``reflection``, or ``zeros`` beyond ``padding`` pixels of the mirror image.
        padding: these pixels; read for ``zeros`` only.
    """

    jitter: tuple[float, float] = (9, 4)
    scale: tuple[float, float] = (0.9, 1.3)
    rotate: float = 12
    shear: float = 4
    edge: Literal["reflection", "zeros"] = "reflection"
    padding: int = 12

    def __post_init__(self):
        least, greatest = self.scale
        expect(0 < least <= greatest, "scale", "be two positive factors in order", self.scale)
        expect(min(self.jitter) >= 0, "jitter", "not be negative", self.jitter)
        for name in ("rotate", "shear"):
            expect(0 <= getattr(self, name) < 90, name, "lie in [0, 90)", getattr(self, name))
        expect(self.edge in ("reflection", "zeros"), "edge", "be 'reflection' or 'zeros'", repr(self.edge))

    def __call__(self, pictures: Tensor, ids: Tensor, draw: int, seed: int) -> Tensor:
        """One warp of each picture (N, C, H, W), a function of (seed, id, draw); differentiable."""
        height, width = pictures.shape[2:]
        draws = torch.full_like(ids, draw)
        drawn = ops.uniform_noise(ids, draws, ops.derive_seed(seed, "transforms"), (7,)).double()
        across, down = self._places(drawn, height, width)
        border = "reflection"
        if self.edge == "zeros":
            border, pad = "zeros", [min(round(_pixels(self.padding, n)), n - 1) for n in (width, height)]
            pictures = F.pad(pictures, (pad[0], pad[0], pad[1], pad[1]), "reflect")
        size = pictures.shape[2:]
        grid = torch.stack([across / max(size[1] - 1, 1), down / max(size[0] - 1, 1)], -1) * 2
        return F.grid_sample(pictures, grid.to(pictures), "bilinear", border, align_corners=True)

    def _places(self, drawn: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
        """Where each pixel of the results is taken from, (N, H, W) each, in pixels from the centre."""
        signed = 2 * drawn - 1
        shift = [
            (signed[:, k] * _pixels(jitter, n) / 2)[:, None, None]
            for k, (jitter, n) in enumerate((jitter, n) for jitter in self.jitter for n in (width, height))
        ]
        low, high = self.scale
        factor = (low + (high - low) * drawn[:, 4])[:, None, None]
        angle = (signed[:, 5] * math.radians(self.rotate))[:, None, None]
        slant = (signed[:, 6] * math.radians(self.shear)).tan()[:, None, None]
        y = (torch.arange(height, device=drawn.device) - (height - 1) / 2).double()[:, None]
        x = (torch.arange(width, device=drawn.device) - (width - 1) / 2).double()
        x, y = x - shift[2], y - shift[3]  # the last step is taken back first
        x = x - slant * y
        x, y = x * angle.cos() + y * angle.sin(), y * angle.cos() - x * angle.sin()
        return x / factor - shift[0], y / factor - shift[1]


def _pixels(count: float, size: int) -> float:
    """What ``count`` pixels of 224 are of another size, at least one if any."""
    return max(1.0, count * size / FULL_SIZE) if count else 0.0
