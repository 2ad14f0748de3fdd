"""The image times the gradient."""

import torch
from torch import nn

import pyxai
from tests import unfriendly


def test_the_product():
    model, images = unfriendly.build("Gate"), unfriendly.images(3)
    gradient = pyxai.explain(model, images, "gradient", 2).attribution
    found = pyxai.explain(model, images, "input_x_gradient", 2)
    assert torch.equal(found.attribution, images * gradient)
    assert found.attribution.shape == images.shape and found.residual is None


def test_a_linear_model_is_explained_completely():
    """Without a bias the map sums to the score: the first-order Taylor term is all there is."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 5, bias=False)).double()
    found = pyxai.explain(model, unfriendly.images(3), "input_x_gradient", 4)
    assert torch.allclose(found.attribution.sum((1, 2, 3)), found.score, rtol=1e-12)
