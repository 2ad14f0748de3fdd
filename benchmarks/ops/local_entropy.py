"""Local entropy against the chain torch needs: a window's sum for each of the 256 levels.

Not bound by memory: each pixel costs 2 (2 radius + 1) updates of a histogram and reads 1 + 1 numbers.
"""

import torch
import torch.nn.functional as F

from benchmarks.ops import Case, Work
from pyxai.ops import local_entropy

# 6 updates of a histogram for each pixel, and clearing it.
WORK = Work(floats=8, integers=110)


def cases(device):
    for images, side, radius in ((1, 256, 4), (8, 224, 4)):
        planes = torch.rand(images, side, side, device=device)
        yield Case(
            f"local_entropy, {images} planes of {side}², {2 * radius + 1}×{2 * radius + 1}",
            lambda p=planes, r=radius: local_entropy(p, r, False),
            lambda p=planes, r=radius: eager(p, r),
            2 * planes.nbytes,
        )


def eager(planes, radius):
    levels, total = (planes * 255).round(), torch.zeros_like(planes)
    for level in range(256):
        share = F.avg_pool2d((levels == level).float(), 2 * radius + 1, 1, radius, count_include_pad=False)
        total -= torch.special.xlogy(share, share)
    return total / 0.6931471805599453
