"""Perceptual colour differences: sRGB to CIE L*a*b*."""

from __future__ import annotations

import torch
from torch import Tensor

_TO_XYZ = (
    (0.412453, 0.357580, 0.180423),
    (0.212671, 0.715160, 0.072169),
    (0.019334, 0.119193, 0.950227),
)
_WHITE = (0.95047, 1.0, 1.08883)  # D65, 2 degrees


def lab(images: Tensor) -> Tensor:
    """L* in 0..100, a* and b* of sRGB images (N, 1 or 3, H, W) in [0, 1]: (N, 3, H, W)."""
    rgb = images.expand(-1, 3, -1, -1)
    linear = torch.where(rgb > 0.04045, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    matrix = images.new_tensor(_TO_XYZ) / images.new_tensor(_WHITE)[:, None]
    xyz = torch.einsum("ij,njhw->nihw", matrix, linear)
    x, y, z = torch.where(xyz > 0.008856, xyz.clamp(min=0) ** (1 / 3), 7.787 * xyz + 16 / 116).unbind(1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], 1)
