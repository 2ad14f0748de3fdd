"""The inverse wavelet transform and its transpose, beside pytorch-wavelets if it is there.

Not bound by memory, for the reasons of `dwt`.
"""

import torch

from benchmarks.ops import Case, Work
from benchmarks.ops.dwt import LEVELS, SIDE, described, filters, peer
from pyxai.ops import dwt, idwt, wavelet_layout

# Per pixel, 21/16 of a level: 2 passes of 1 tap of each filter.
WORK = Work(floats=20, integers=110, quotients=8)


def cases(device):
    transforms = peer(device)
    if transforms is None:
        return
    _, inverse = transforms
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
        size = images.nbytes + row.nbytes

        def synthesise(t=theirs):
            with torch.no_grad():
                return inverse((t[0], t[1:]))

        yield Case(
            f"idwt, {described(count)}",
            lambda c=plain: idwt(c, synthesis, LEVELS, SIDE, SIDE),
            synthesise,
            size,
        )
        yield Case(
            f"idwt's transpose, {described(count)}",
            lambda y=ours_back, c=row, g=grad: torch.autograd.grad(y, c, g, retain_graph=True),
            lambda y=theirs_back, c=theirs, g=grad: torch.autograd.grad(y, c, g, retain_graph=True),
            size,
        )
