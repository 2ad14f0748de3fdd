"""Adam of many rows against torch's, with a rate for each."""

import torch

from pyxai.visualization.adam import Adam


def test_against_torch():
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(3, 4, 5, generator=generator, dtype=torch.float64)
    gradients = torch.randn(6, 3, 4, 5, generator=generator, dtype=torch.float64)
    rates = torch.tensor([0.1, 0.02, 0.5], dtype=torch.float64)
    ours = start.clone()
    adam = Adam(ours)
    theirs = [row.clone().requires_grad_() for row in start]
    others = [torch.optim.Adam([row], lr=float(rate)) for row, rate in zip(theirs, rates, strict=True)]
    for gradient in gradients:
        adam.step(gradient, rates)
        for row, own, other in zip(theirs, gradient, others, strict=True):
            row.grad = own
            other.step()
    torch.testing.assert_close(ours, torch.stack(theirs).detach(), rtol=1e-12, atol=1e-12)
