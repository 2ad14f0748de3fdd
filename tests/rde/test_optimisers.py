"""Steps on a mask."""

import torch

from pyxai import rde


def test_adam_is_torchs():
    parameter = torch.nn.Parameter(torch.rand(7).double())
    mask = parameter.detach().clone()
    theirs, ours = torch.optim.Adam([parameter], lr=0.01), rde.Adam(0.01).start()
    for _ in range(20):
        gradient = torch.randn(7).double()
        parameter.grad = gradient.clone()
        theirs.step()
        ours(mask, gradient)
    assert torch.allclose(mask, parameter, rtol=1e-13)
