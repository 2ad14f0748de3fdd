"""Excitation backpropagation: a probability, and z⁺ from one in place of the score."""

import pytest
import torch
from torch import nn

import pyxai
from pyxai.propagation import Composite, ZPlus
from tests import unfriendly


@pytest.mark.parametrize("name", ["FunctionalReLU", "OverlappingPools", "Flattened"])
def test_excitation_backprop_is_a_probability(name):
    model, images = unfriendly.build(name), unfriendly.images(3)
    found = pyxai.explain(model, images, "excitation_backprop", 1)
    assert bool((found.attribution >= 0).all())
    assert bool((found.attribution.sum((1, 2, 3)) <= 1 + 1e-12).all())
    assert bool((found.attribution.sum((1, 2, 3)) > 0.5).all())


def test_one_neuron():
    """P(pixel) is its positive term by their sum: the Taylor term at the root towards the positive terms."""
    w = torch.tensor([1.5, -0.5, 0.75], dtype=torch.float64)
    a = torch.tensor([0.8, 0.3, 0.6], dtype=torch.float64)
    model = nn.Sequential(nn.Flatten(), nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 2, bias=False)).double()
    model[1].weight.data, model[3].weight.data = torch.stack([w, -w]), torch.eye(2, dtype=torch.float64)
    found = pyxai.explain(model, a.reshape(1, 3, 1, 1), "excitation_backprop", 0)
    positive = (a * w).clamp(min=0)
    assert torch.allclose(found.attribution.flatten(), positive / positive.sum())
    z, direction = a @ w - w @ torch.zeros_like(a), a * (w > 0)
    root = a - z / (direction @ w) * direction
    assert torch.allclose(z * found.attribution.flatten(), (a - root) * w)


def test_it_is_z_plus_of_the_score_by_the_score():
    model, images = unfriendly.build("InplaceAdd"), unfriendly.images(2)
    hidden = ZPlus(bias="ignore", stabiliser=0.0)
    composite = Composite(hidden, hidden, hidden, hidden, sums="positive")
    found = pyxai.explain(model, images, "excitation_backprop", 1)
    relevance = pyxai.explain(model, images, "lrp", 1, composite=composite)
    shares = relevance.attribution / relevance.score.reshape(-1, 1, 1, 1)
    assert torch.allclose(found.attribution, shares, rtol=1e-10, atol=1e-14)
