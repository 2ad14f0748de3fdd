"""Pictures of the saliency tests."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from torch import Tensor

from pyxai.metrics import pearson

TURNS = [lambda x: x.flip(-1), lambda x: x.flip(-2), lambda x: x.rot90(1, (-2, -1))]


@cache
def photographs(height: int = 120, width: int = 160) -> np.ndarray:
    """Parts of two photographs that come with scikit-image: uint8 (4, height, width, 3), at most 280x362."""
    import skimage.data

    astronaut, cat = skimage.data.astronaut(), skimage.data.chelsea()
    parts = [astronaut[20:, 100:], astronaut[200:, 150:], cat, cat[20:, 60:]]
    return np.stack([part[:height, :width] for part in parts])


def tensor(pixels: np.ndarray, dtype: torch.dtype = torch.float32) -> Tensor:
    """uint8 (N, H, W, 3) to (N, 3, H, W) in [0, 1]."""
    return torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2).to(dtype) / 255


def correlation(one: Tensor, other: Tensor) -> float:
    """Smallest Pearson correlation of corresponding maps (N, H, W)."""
    return float(pearson(one, other).amin())
