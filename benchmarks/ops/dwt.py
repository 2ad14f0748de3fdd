"""The wavelet transform, its inverse and the inverse's transpose, beside pytorch-wavelets if it is there.

Not bound by memory: with 6 taps a pixel, read once and written once, costs 12 products and sums a level, 16
in all, between numbers that lie two apart. One image, which stays in the caches, is no faster than sixteen.
"""

import importlib.util

import torch

from benchmarks.ops import Case
from pyxai.ops import dwt, idwt, wavelet_layout
from tests import wavelets_shim

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
    forward, inverse = transforms
    analysis, synthesis = filters(device)
    layout = wavelet_layout(SIDE, SIDE, LEVELS, synthesis.shape[1])
    for count in (16, 1):
        images = torch.rand(count, 3, SIDE, SIDE, device=device)
        row = dwt(images, analysis, LEVELS).requires_grad_()
        plain = row.detach()
        low, details = layout.split(plain)
        theirs = [low.contiguous(), *(part.contiguous() for part in details)]
        theirs = [part.requires_grad_() for part in theirs]
        grad = torch.randn_like(images)
        ours_back, theirs_back = idwt(row, synthesis, LEVELS, SIDE, SIDE), inverse((theirs[0], theirs[1:]))
        what, size = f"{count}×3×{SIDE}², {WAVELET}, {LEVELS} levels", images.nbytes + row.nbytes

        def synthesise(t=theirs):
            with torch.no_grad():
                return inverse((t[0], t[1:]))

        yield Case(
            f"dwt, {what}", lambda x=images: dwt(x, analysis, LEVELS), lambda x=images: forward(x), size
        )
        yield Case(
            f"idwt, {what}",
            lambda c=plain: idwt(c, synthesis, LEVELS, SIDE, SIDE),
            synthesise,
            size,
        )
        yield Case(
            f"idwt's transpose, {what}",
            lambda y=ours_back, c=row, g=grad: torch.autograd.grad(y, c, g, retain_graph=True),
            lambda y=theirs_back, c=theirs, g=grad: torch.autograd.grad(y, c, g, retain_graph=True),
            size,
        )
