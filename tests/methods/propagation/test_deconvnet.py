"""DeconvNet against its definition, and against the maps of units that it was made for."""

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
    found = pyxai.explain(model, images, "deconvnet", 1)
    expected = by_definition(model, images, 1, False, monkeypatch)
    assert oracle.relative_l1(found.attribution, expected) <= 1e-12
    assert found.residual is None


@pytest.mark.parametrize("name", CHOSEN)
def test_which_of_equal_values_is_chosen(name):
    check_choice("deconvnet", name)


def test_deconvnet_is_the_gradient_but_for_the_relu():
    """Survey §4.2: where no signal and no activation is negative the two are one."""
    model, images = unfriendly.build("FunctionalReLU"), unfriendly.images(2).abs()
    for parameter in model.parameters():
        parameter.data.abs_()
    gradient = pyxai.explain(model, images, "gradient", 0).attribution
    assert torch.allclose(pyxai.explain(model, images, "deconvnet", 0).attribution, gradient, rtol=1e-12)


def test_filtering_is_the_full_convolution_with_turned_filters():
    """Survey, appendix A, eq. 28–33: the step through one convolution, by a convolution."""
    layer = nn.Conv2d(3, 4, 3).double()
    model = nn.Sequential(layer, nn.Flatten(), nn.Linear(4 * 6 * 6, 5).double())
    images = torch.randn(2, 3, 8, 8, dtype=torch.float64)
    signal = model[2].weight[1].reshape(1, 4, 6, 6).expand(2, -1, -1, -1)
    turned = layer.weight.flip(2, 3).transpose(0, 1)
    expected = F.conv2d(signal, turned, padding=2)
    for method in ("deconvnet", "gradient"):
        found = pyxai.explain(model, images, method, 1).attribution
        assert torch.allclose(found, expected.detach(), rtol=1e-12)


@pytest.mark.parametrize("start", ["one_hot", "activation"])
@pytest.mark.parametrize("unit", [(2,), (2, 3, 4), None])
def test_deconvnet_from_an_inner_unit(unit, start):
    """Zeiler & Fergus: the map of one unit, through the layers below it only; written out by hand."""
    torch.manual_seed(1)
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2, 1), nn.Conv2d(4, 6, 3), nn.ReLU(),
        nn.Flatten(), nn.Linear(6 * 36, 5),
    ).double()  # fmt: skip
    images = torch.randn(2, 3, 16, 16, dtype=torch.float64)
    found = pyxai.explain(model, images, "deconvnet", layer="3", unit=unit, start=start)
    hidden = model[:2](images)
    pooled, switches = F.max_pool2d(hidden, 3, 2, 1, return_indices=True)
    value = model[3](pooled)
    chosen = torch.zeros_like(value)
    chosen[(slice(None), *(unit or ()))] = 1
    signal = F.conv_transpose2d(chosen * value if start == "activation" else chosen, model[3].weight)
    unpooled = torch.zeros_like(hidden).flatten(2)
    unpooled.scatter_add_(2, switches.flatten(2), signal.flatten(2))  # overlapping switches accumulate
    expected = F.conv_transpose2d(unpooled.view_as(hidden).clamp(min=0), model[0].weight, padding=1)
    assert torch.allclose(found.attribution, expected.detach(), rtol=1e-12)
    assert torch.allclose(found.score, (value * chosen).sum((1, 2, 3)).detach(), rtol=1e-12)
