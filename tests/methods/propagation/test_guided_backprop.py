"""Guided backpropagation against its definition."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import pyxai
from tests import unfriendly
from tests.methods import oracle
from tests.methods.propagation.rectified import CHOSEN, NETS, by_definition, check_choice, network


@pytest.mark.parametrize("name", NETS)
def test_equal_to_autograd_with_another_relu(name, monkeypatch):
    model, images = network(name)
    found = pyxai.explain(model, images, "guided_backprop", 1)
    expected = by_definition(model, images, 1, True, monkeypatch)
    assert oracle.relative_l1(found.attribution, expected) <= 1e-12
    assert found.residual is None


@pytest.mark.parametrize("name", CHOSEN)
def test_which_of_equal_values_is_chosen(name):
    check_choice("guided_backprop", name)


def test_guided_backprop_is_the_gradient_but_for_the_relu():
    """Survey §4.2: where no signal and no activation is negative the two are one."""
    model, images = unfriendly.build("FunctionalReLU"), unfriendly.images(2).abs()
    for parameter in model.parameters():
        parameter.data.abs_()
    gradient = pyxai.explain(model, images, "gradient", 0).attribution
    assert torch.allclose(
        pyxai.explain(model, images, "guided_backprop", 0).attribution, gradient, rtol=1e-12
    )


def test_an_activation_that_is_negative_stops_a_signal_that_deconvnet_lets_through():
    layer = nn.Conv2d(3, 4, 1).double()
    model = nn.Sequential(layer, nn.ReLU(), nn.Flatten(), nn.Linear(4 * 16, 5).double())
    images = torch.randn(2, 3, 4, 4, dtype=torch.float64)
    signal = model[3].weight[1].reshape(4, 4, 4).clamp(min=0) * (layer(images) > 0)
    found = pyxai.explain(model, images, "guided_backprop", 1).attribution
    expected = F.conv_transpose2d(signal, layer.weight)
    assert torch.allclose(found, expected.detach(), rtol=1e-12)
