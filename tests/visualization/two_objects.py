"""Pictures of two textured objects whose places are known, and a network that was trained to name one."""

from __future__ import annotations

import functools

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SIDE, OBJECT, CLASSES = 48, 12, 4


def _textures() -> Tensor:
    """(4, 1, 12, 12): stripes across, stripes down, a chequered board, rings."""
    place = torch.arange(OBJECT)
    rows, columns = place[:, None].expand(OBJECT, OBJECT), place.expand(OBJECT, OBJECT)
    rings = torch.hypot(rows - 5.5, columns - 5.5).long()
    found = (rows // 2, columns // 2, rows // 3 + columns // 3, rings // 2)
    return torch.stack([(one % 2).float() for one in found])[:, None]


def pictures(classes: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    """Images (N, 3, 48, 48) of objects of the ``classes`` (N, n ≤ 4), and where they are (N, n, 48, 48)."""
    generator = torch.Generator().manual_seed(seed)
    count, objects = classes.shape
    images = 0.5 + 0.1 * torch.randn(count, 3, SIDE, SIDE, generator=generator)
    where = torch.zeros(count, objects, SIDE, SIDE, dtype=torch.bool)
    for row in range(count):
        quarters = torch.randperm(4, generator=generator)
        for k in range(objects):
            inside = torch.randint(0, SIDE // 2 - OBJECT + 1, (2,), generator=generator)
            top, left = (SIDE // 2 * torch.tensor([quarters[k] // 2, quarters[k] % 2]) + inside).tolist()
            box = slice(top, top + OBJECT), slice(left, left + OBJECT)
            colour = 0.5 + 0.5 * torch.rand(3, 1, 1, generator=generator)
            images[row, :, *box] = colour * _textures()[classes[row, k]]
            where[row, k, *box] = True
    return images.clamp(0, 1), where


@functools.cache
def trained() -> nn.Module:
    """A network of three convolutions that names the texture; its last map is layer ``"8"``."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 16, 5, stride=2, padding=2),
        nn.ReLU(),
        nn.Conv2d(16, 24, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(24, 32, 3, padding=1),
        nn.BatchNorm2d(32),
        nn.Identity(),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(32, CLASSES),
    )
    optimiser = torch.optim.Adam(model.parameters(), lr=0.004)
    labels = torch.arange(512) % CLASSES
    images, _ = pictures(labels[:, None], seed=1)
    for step in range(120):
        rows = torch.randperm(512, generator=torch.Generator().manual_seed(step))[:48]
        optimiser.zero_grad()
        F.cross_entropy(model(images[rows]), labels[rows]).backward()
        optimiser.step()
    return model.eval()
