"""Spectral energy behind the transforms, against torch's chain.

Not bound by memory: a pixel costs 22 products and as many sums. `bench_saliency` measures it on data that
stay in the caches, in shares of the bandwidth of a copy in memory.
"""

import torch
import torch.nn.functional as F

from benchmarks.ops import PLANES, Case, Work
from pyxai.ops import spectral_energy

# 13 taps along each side.
WORK = Work(floats=85, integers=145, quotients=1)


def cases(device):
    for images, side in PLANES:
        field = torch.randn(images, side, side, 2, device=device)
        taps = torch.rand(11, device=device)
        yield Case(
            f"spectral_energy, {images} planes of {side}²",
            lambda f=field, t=taps: spectral_energy(f, t, False),
            lambda f=field, t=taps: eager_energy(torch.view_as_complex(f), t),
            field.nbytes + field.nbytes // 2,
        )


def eager_energy(field, taps):
    energy, reach = field.abs().square()[:, None], len(taps) // 2
    rows = F.conv2d(energy, taps.view(1, 1, 1, -1), padding=(0, reach))
    return F.conv2d(rows, taps.view(1, 1, -1, 1), padding=(reach, 0))[:, 0]
