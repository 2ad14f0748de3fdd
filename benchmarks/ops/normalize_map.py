"""Rectified maps in [0, 1] against the chain of torch calls it replaces."""

import torch

from benchmarks.ops import Case, Work
from pyxai.ops import normalize_map

# Of a value, which is read twice: 2 and 6 for its map's extent, 12 for what becomes of it.
WORK = Work(floats=20, integers=14)

# Maps of layers of a ResNet-50, and what Score-CAM multiplies images by.
MAPS = ((1, 7, 7), (8, 14, 14), (8, 56, 56), (64, 224, 224))


def eager(maps):
    maps = maps.clamp(min=0)
    maps = maps - maps.amin(1, keepdim=True)
    greatest = maps.amax(1, keepdim=True)
    return maps / torch.where(greatest > 0, greatest, 1)


def cases(device):
    for count, height, width in MAPS:
        maps = torch.randn(count, height * width, device=device)
        yield Case(
            f"normalize_map, {count} of {height}×{width}",
            lambda m=maps: normalize_map(m, True, "min_max"),
            lambda m=maps: eager(m),
            2 * maps.nbytes,
        )
