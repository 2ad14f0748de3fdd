"""Masked and obfuscated images, and the mask's gradient, beside torch's chain around pytorch-wavelets.

Not bound by memory: every coefficient of every row takes the same normal number twice, there and back, from
ten rounds of Philox and an inverse distribution function. By the cases of `noise` that is half of the time;
most of the rest are the transforms, which are not bound by memory either.
"""

import torch

from benchmarks.ops import Case
from benchmarks.ops.dwt import LEVELS, SIDE, filters, peer
from pyxai.ops import dwt, obfuscate, obfuscate_adjoint_, wavelet_layout


def cases(device):
    transforms = peer(device)
    if transforms is None:
        return
    _, inverse = transforms
    analysis, synthesis = filters(device)
    layout = wavelet_layout(SIDE, SIDE, LEVELS, synthesis.shape[1])
    for images, samples in ((1, 16), (4, 16)):
        pictures, rows = torch.rand(images, 3, SIDE, SIDE, device=device), images * samples
        coefficients = dwt(pictures, analysis, LEVELS)
        mask = torch.rand(images, layout.size, device=device)
        centre = spread = torch.ones(images, LEVELS + 1, device=device)
        index, ids = torch.arange(rows, device=device) // samples, torch.arange(images, device=device)
        ends = torch.zeros(3, device=device), torch.ones(3, device=device)
        given = coefficients, centre, spread, index, ids, torch.arange(rows, device=device), synthesis, *ends
        grad = torch.randn(rows, 3, SIDE, SIDE, device=device)

        def native(given=given, mask=mask, grad=grad):
            c, *rest = given
            made = obfuscate(c, mask, *rest, LEVELS, SIDE, SIDE, "normal", 0)
            total = torch.zeros_like(mask)
            obfuscate_adjoint_(total, grad, made, *given, LEVELS, "normal", 0)
            return total

        def eager(c=coefficients, mask=mask, index=index, grad=grad):
            leaf = mask.detach().requires_grad_()
            keep = leaf[index][:, None]
            mixed = keep * c[index] + (1 - keep) * (
                1 + torch.randn(len(index), *c.shape[1:], device=c.device)
            )
            low, details = layout.split(mixed)
            return torch.autograd.grad(inverse((low, details)).clamp(0, 1), leaf, grad)

        yield Case(
            f"obfuscate and back, {images}×{samples} rows of 3×{SIDE}²",
            native,
            eager,
            rows * (2 * grad[0].nbytes + 2 * coefficients[0].nbytes),
        )
