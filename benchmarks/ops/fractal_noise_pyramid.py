"""Pyramids of fractal noise against torch: each level's spectrum drawn, and all of them transformed at once.

The transform is torch's in both; the rest is noise, bound by its own arithmetic, and a sigmoid.
"""

import torch

from benchmarks.ops import Case, Work
from pyxai.ops import fractal_noise_pyramid
from pyxai.visualization import fractal_amplitudes, mixing_of

# Per value of a picture: a normal number and its product, three products and sums of the mixing, a sigmoid.
WORK = Work(floats=53 + 1 + 5 + 40, integers=45, quotients=2)

SIZES = ((16, 224), (16, 64), (64, 32))


def cases(device):
    for images, side in SIZES:
        ids = torch.arange(images, device=device)
        amplitudes = fractal_amplitudes(side, side).to(device, torch.float32)
        mixing = mixing_of(3, ids.device, torch.float32)
        for shared in (False, True):
            yield Case(
                f"fractal_noise_pyramid, {images} images of 3×{side}²{', one spectrum' if shared else ''}",
                lambda i=ids, a=amplitudes, m=mixing, s=side, one=shared: fractal_noise_pyramid(
                    i, i, a, m, 0, s, one
                ),
                lambda n=images, a=amplitudes, m=mixing, s=side: eager_pyramid(n, a, m, s),
                4 * images * 18 * side**2,
            )


def eager_pyramid(images, amplitudes, mixing, width):
    levels, height, half = amplitudes.shape
    spectra = torch.randn(images, levels, 3, height, half, 2, device=amplitudes.device)
    spectra.mul_(amplitudes[:, None, :, :, None])
    planes = torch.fft.irfft2(torch.view_as_complex(spectra), s=(height, width), norm="forward")
    return torch.einsum("oc,nlchw->nlohw", mixing, planes).sigmoid_()
