"""Pictures of decompositions: cells of one size in rows, as uint8 (H, W, 3), from tensors in [-1, 1]."""

from __future__ import annotations

import colorsys
import itertools
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from pyxai.dxai.decomposition import Decomposition


def amplitude(distinct: Tensor) -> Tensor:
    """Mean magnitude over channels of distinct parts (N, C, H, W), (N, 1, H, W), from black for zero to white
    for the largest of the image.
    """
    size = distinct.abs().mean(1, keepdim=True)
    return 2 * size / size.amax((1, 2, 3), keepdim=True).clamp(min=1e-12) - 1


def bars(probabilities: Tensor, size: int) -> Tensor:
    """A bar for each of the probabilities (c,), in the class's colour on white, (3, size, size)."""
    cell = torch.ones(3, size, size)
    edges = np.linspace(0, size, len(probabilities) + 1).round().astype(int)
    for label, (left, right) in enumerate(itertools.pairwise(edges)):
        height = round(float(probabilities[label]) * size)
        colour = colorsys.hsv_to_rgb(label / len(probabilities), 0.7, 0.8)
        cell[:, size - height :, left : max(left + 1, right - 1)] = (
            torch.tensor(colour)[:, None, None] * 2 - 1
        )
    return cell


def grid(rows: Sequence[Sequence[Tensor]]) -> np.ndarray:
    """Cells (C, S, S), C 1 or 3, row by row. Zero, where a part changes nothing, is grey."""
    lines = [torch.cat([cell.float().cpu().expand(3, -1, -1) for cell in row], 2) for row in rows]
    pixels = ((torch.cat(lines, 1) + 1) * 127.5).clamp(0, 255).round().to(torch.uint8)
    return pixels.permute(1, 2, 0).numpy()


def sheet(images: Tensor, parts: Decomposition) -> np.ndarray:
    """Rows of images (N, C, S, S), their distinct parts on grey, agnostic parts, and residuals on grey."""
    return grid([images, parts.distinct, parts.agnostic, parts.residual])
