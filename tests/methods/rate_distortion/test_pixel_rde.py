"""Pixel RDE on a model of which it is known where it looks."""

import torch

import pyxai
from tests.rde.toys import Left


def test_pixel_rde_finds_the_pixels_the_model_looks_at():
    images = torch.rand(2, 3, 12, 16) * 0.2 + 0.5
    images[:, :, :, 8:] = 0.1
    e = pyxai.explain(Left(), images, method="pixel_rde", steps=60, samples=4, sparsity=0.5)
    assert e.attribution.shape == (2, 1, 12, 16)
    assert torch.equal(e.attribution.flatten(1), e.extras["mask"])
    left, right = e.attribution[..., :8].mean((1, 2, 3)), e.attribution[..., 8:].mean((1, 2, 3))
    assert (left > 5 * right).all()
    none = pyxai.explain(Left(), images, method="pixel_rde", sparsity=0.0)
    assert (none.attribution == 1).all()
