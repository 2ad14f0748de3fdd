"""Spectral residual between the transforms, against torch's chain over whole planes.

Not bound by memory: a coefficient (half a one read, one written) costs two roots, a logarithm, an exponential
and three quotients. `bench_saliency` measures it on data that stay in the caches, in shares of the bandwidth
of a copy in memory.
"""

import torch
import torch.nn.functional as F

from benchmarks.ops import PLANES, Case, Work
from pyxai.ops import spectral_residual

# Per number, of which a coefficient has two.
WORK = Work(floats=47, integers=90, quotients=1)


def cases(device):
    for images, side in PLANES:
        plane = torch.rand(images, side, side, device=device)
        half = torch.view_as_real(torch.fft.rfft2(plane))
        whole = torch.fft.fft2(plane)
        yield Case(
            f"spectral_residual, {images} planes of {side}²",
            lambda h=half, s=side: spectral_residual(h, s, False),
            lambda w=whole: eager_residual(w),
            half.nbytes + whole.nbytes,
        )


def eager_residual(spectrum):
    log = spectrum.abs().clamp(min=1 / 255).log()
    padded = F.pad(log[:, None], (1, 1, 1, 1), "replicate")
    return torch.polar((log - F.avg_pool2d(padded, 3, 1)[:, 0]).exp(), spectrum.angle())
