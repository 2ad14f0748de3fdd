"""Gradient times value, against autograd behind a hook and Captum."""

import pytest
import torch

import pyxai
from tests.methods.neuron.networks import IMAGES, inside, rectified, smooth

METHOD = "layer_gradient_x_activation"


@pytest.mark.parametrize("make", [smooth, rectified])
@pytest.mark.parametrize("layer", ["norm", "right", "hidden", "head"])
def test_autograd_says_so(make, layer):
    model = make()
    found = pyxai.explain(model, IMAGES, METHOD, [[1, 3], [2, 0]], layer=layer).attribution
    for column, target in enumerate(([1, 2], [3, 0])):
        value, scores = inside(model, IMAGES, layer)
        (gradient,) = torch.autograd.grad(scores[range(2), target].sum(), value)
        assert torch.allclose(found[:, column], value * gradient, rtol=1e-10, atol=1e-14)


def test_a_rectified_head_without_biases_is_complete():
    model = rectified()
    with torch.no_grad():
        model.head.bias.zero_()
    found = pyxai.explain(model, IMAGES, METHOD, 1, layer="hidden").attribution
    scores = model(IMAGES)
    assert torch.allclose(found.sum(1), scores[:, 1], rtol=1e-10)


def test_captum():
    captum = pytest.importorskip("captum.attr")
    model = rectified()
    theirs = captum.LayerGradientXActivation(model, model.right).attribute(IMAGES, torch.tensor([1, 2]))
    ours = pyxai.explain(model, IMAGES, METHOD, [1, 2], layer="right").attribution
    assert torch.allclose(ours, theirs, rtol=1e-10, atol=1e-14)
