"""Spectral residual between and behind the transforms, against torch's chain over whole planes.

Not bound by memory: a coefficient (half a one read, one written) costs two roots, a logarithm, an exponential
and three quotients, a pixel of the energy 22 products and as many sums. `bench_saliency` measures both on
data that stay in the caches, in shares of the bandwidth of a copy in memory.
"""

import torch
import torch.nn.functional as F

from benchmarks.ops import Case
from pyxai.ops import spectral_energy, spectral_residual


def cases(device):
    for images, side in ((64, 64), (64, 224), (1, 1024)):
        plane = torch.rand(images, side, side, device=device)
        half = torch.view_as_real(torch.fft.rfft2(plane))
        whole = torch.fft.fft2(plane)
        taps = torch.rand(11, device=device)
        shape = f"{images} planes of {side}²"
        yield Case(
            f"spectral_residual, {shape}",
            lambda h=half, s=side: spectral_residual(h, s, False),
            lambda w=whole: eager_residual(w),
            half.nbytes + whole.nbytes,
        )
        field = torch.view_as_real(torch.fft.ifft2(whole))
        yield Case(
            f"spectral_energy, {shape}",
            lambda f=field, t=taps: spectral_energy(f, t, False),
            lambda f=field, t=taps: eager_energy(torch.view_as_complex(f), t),
            field.nbytes + plane.nbytes,
        )


def eager_residual(spectrum):
    log = spectrum.abs().clamp(min=1 / 255).log()
    padded = F.pad(log[:, None], (1, 1, 1, 1), "replicate")
    return torch.polar((log - F.avg_pool2d(padded, 3, 1)[:, 0]).exp(), spectrum.angle())


def eager_energy(field, taps):
    energy, reach = field.abs().square()[:, None], len(taps) // 2
    rows = F.conv2d(energy, taps.view(1, 1, 1, -1), padding=(0, reach))
    return F.conv2d(rows, taps.view(1, 1, -1, 1), padding=(reach, 0))[:, 0]
