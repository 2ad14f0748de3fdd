"""The wavelet transform beside pytorch-wavelets if it is there.

Not bound by memory: with 6 taps a pixel, read once and written once, costs 12 products and sums a level, 16
in all, between numbers that lie two apart. One image, which stays in the caches, is no faster than sixteen.
"""

import importlib.util

import torch

from benchmarks.ops import Case, Work
from pyxai.ops import dwt
from tests import wavelets_shim

# Per coefficient, 5/4 of a level: 2 passes of 6 taps.
WORK = Work(floats=30, integers=165, quotients=10)

SIDE, LEVELS, WAVELET = 256, 5, "db3"


def peer(device):
    """pytorch-wavelets' forward and inverse transform, or None where it is not installed."""
    if importlib.util.find_spec("pytorch_wavelets") is None:
        return None
    wavelets_shim.install()
    import pytorch_wavelets

    forward = pytorch_wavelets.DWTForward(J=LEVELS, wave=WAVELET, mode="zero").to(device)
    return forward, pytorch_wavelets.DWTInverse(wave=WAVELET, mode="zero").to(device)


def filters(device):
    """Analysis and synthesis filters."""
    import pywt

    wavelet = pywt.Wavelet(WAVELET)
    pairs = (wavelet.dec_lo, wavelet.dec_hi), (wavelet.rec_lo, wavelet.rec_hi)
    return (torch.tensor(pair, device=device) for pair in pairs)


def cases(device):
    transforms = peer(device)
    if transforms is None:
        return
    forward, _ = transforms
    analysis, _ = filters(device)
    for count in (16, 1):
        images = torch.rand(count, 3, SIDE, SIDE, device=device)
        yield Case(
            f"dwt, {described(count)}",
            lambda x=images: dwt(x, analysis, LEVELS),
            lambda x=images: forward(x),
            images.nbytes + dwt(images, analysis, LEVELS).nbytes,
        )


def described(count):
    return f"{count}×3×{SIDE}², {WAVELET}, {LEVELS} levels"
