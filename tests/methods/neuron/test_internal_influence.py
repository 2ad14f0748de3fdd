"""Internal influence, against a loop over the points of the line, and Captum."""

import pytest
import torch
from torch import nn

import pyxai
from pyxai.methods.path.quadrature import quadrature
from tests.methods import oracle
from tests.methods.neuron.networks import IMAGES, START, inside, rectified, smooth, tangled

METHOD = "internal_influence"


@pytest.mark.parametrize("make", [smooth, rectified])
@pytest.mark.parametrize("layer", ["norm", "right", "hidden"])
def test_it_is_the_mean_gradient_on_the_line(make, layer):
    model, wanted = make(), 0
    for node, weight in zip(*quadrature("midpoint", 7), strict=True):
        value, scores = inside(model, START + node * (IMAGES - START), layer)
        wanted = wanted + weight * torch.autograd.grad(scores[:, 2].sum(), value)[0]
    found = pyxai.explain(model, IMAGES, METHOD, 2, layer=layer, steps=7, baseline=START)
    assert oracle.relative_l1(found.attribution, wanted) <= 1e-12
    assert found.delta is None


@pytest.mark.parametrize(
    ("rule", "theirs"), [("gauss_legendre", "gausslegendre"), ("riemann_left", "riemann_left")]
)
@pytest.mark.parametrize("layer", ["norm", "right", "hidden"])
def test_captum(layer, rule, theirs):
    captum = pytest.importorskip("captum.attr")
    model = tangled(nn.ReLU())
    expected = captum.InternalInfluence(model, getattr(model, layer))
    expected = expected.attribute(IMAGES, START, torch.tensor([1, 2]), n_steps=9, method=theirs)
    ours = pyxai.explain(model, IMAGES, METHOD, [1, 2], layer=layer, baseline=START, rule=rule, steps=9)
    assert oracle.relative_l1(ours.attribution, expected) <= 1e-6
