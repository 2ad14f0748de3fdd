"""Conductance of layers: completeness, both ways to find slopes, Captum with its own steps."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import pyxai
from tests import unfriendly
from tests.methods import oracle
from tests.methods.neuron.networks import IMAGES, START, THROUGH, rectified, smooth, tangled

METHOD = "layer_conductance"
EXACT = {"rule": "gauss_legendre", "steps": 64}


def explained(model, target=1, **options):
    return pyxai.explain(model, IMAGES, METHOD, target, **options)


@pytest.mark.parametrize("layer", THROUGH)
def test_it_is_complete_on_a_smooth_network(layer):
    model = smooth()
    found = explained(model, layer=layer, baseline=START, **EXACT)
    assert float(found.residual.max()) <= 1e-9
    assert torch.allclose(
        found.attribution.flatten(1).sum(1), (model(IMAGES) - model(START))[:, 1], rtol=1e-9
    )


@pytest.mark.parametrize("layer", ["norm", "hidden"])
def test_it_is_complete_on_a_rectified_network(layer):
    found = explained(rectified(), layer=layer, rule="gauss_legendre", steps=512)
    assert float(found.residual.max()) <= 5e-3


def test_branches_add_up_where_they_are_joined():
    """Both branches together are all that reaches the scores; neither alone has a sum to reach."""
    model = smooth()
    parts = [explained(model, layer=name, baseline=START, **EXACT) for name in ("left", "right")]
    total = sum(part.attribution.flatten(1).sum(1) for part in parts)
    assert torch.allclose(total, (model(IMAGES) - model(START))[:, 1], rtol=1e-9)
    assert parts[0].delta is None and parts[1].delta is None


def test_a_linear_network_needs_one_step_only():
    model = nn.Sequential(nn.Flatten(), nn.Linear(240, 5), nn.Linear(5, 2)).double().eval()
    wanted = model[2].weight[1] * (model[1](IMAGES.flatten(1)) - model[1](START.flatten(1)))
    for slope in ("derivative", "difference"):
        found = explained(model, layer="1", baseline=START, steps=1, slope=slope)
        assert torch.allclose(found.attribution, wanted, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("rule", ["midpoint", "riemann_left", "riemann_right"])
def test_differences_tend_to_the_derivative(rule):
    exact = explained(smooth(), layer="norm", baseline=START, **EXACT).attribution
    errors = [
        oracle.relative_l1(
            explained(
                smooth(), layer="norm", baseline=START, rule=rule, steps=steps, slope="difference"
            ).attribution,
            exact,
        )
        for steps in (8, 64)
    ]
    assert errors[1] < errors[0] / (30 if rule == "midpoint" else 5)


@pytest.mark.parametrize("net", ["SoftmaxAttention", "OtherNorms", "OverlappingPools", "LeakyActivations"])
def test_networks_of_all_sorts_have_forward_derivatives(net):
    model, images = unfriendly.build(net), unfriendly.images(2)
    layer = {"SoftmaxAttention": "patch"}.get(net, "conv1")
    options = {"layer": layer, "rule": "midpoint", "steps": 81, "baseline": 0.5 * images.flip(0)}
    ours, other = (
        pyxai.explain(model, images, METHOD, 1, slope=slope, **options)
        for slope in ("derivative", "difference")
    )
    assert oracle.relative_l1(ours.attribution, other.attribution) <= 0.05


def test_fused_attention_and_models_that_run_as_they_are():
    class Fused(nn.Module):
        def __init__(self):
            super().__init__()
            self.patch, self.fc = nn.Conv2d(3, 8, 2, 2), nn.Linear(8, 3)

        def forward(self, x):
            tokens = self.patch(x if x.isfinite().all() else -x).flatten(2).mT
            return self.fc(F.scaled_dot_product_attention(tokens, tokens, tokens).mean(1))

    model = Fused().double().eval()
    found = explained(model, layer="patch", baseline=START, **EXACT)
    assert float(found.residual.max()) <= 1e-9 and found.attribution.shape == (2, 8, 4, 5)


def test_what_has_no_forward_derivative_is_said():
    class Doubled(torch.autograd.Function):
        @staticmethod
        def forward(context, x):
            return 2 * x

        @staticmethod
        def backward(context, gradient):
            return 2 * gradient

    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 2, 1)

        def forward(self, x):
            return self.conv(Doubled.apply(x if x.isfinite().all() else -x)).mean((2, 3))

    model = Own().double().eval()
    with pytest.raises(
        ValueError, match="`model` must have a forward derivative, or `slope` be 'difference', got"
    ):
        explained(model, layer="conv", steps=2)
    assert explained(model, layer="conv", steps=2, slope="difference").attribution.shape == (2, 2, 8, 10)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "`steps` must be given for slope='difference', got None"),
        (
            {"steps": 4, "rule": "gauss_legendre"},
            "`rule` must be one of 'midpoint', .* for slope='difference'",
        ),
    ],
)
def test_differences_need_equal_steps(options, message):
    with pytest.raises(ValueError, match=f"^{METHOD}: {message}"):
        explained(smooth(), layer="norm", slope="difference", **options)


@pytest.mark.parametrize("layer", ["norm", "right", "hidden"])
def test_captum(layer):
    """Its `riemann_trapezoid` has nodes at i / n, and takes the gradient at the beginning of each step."""
    captum = pytest.importorskip("captum.attr")
    model = tangled(nn.ReLU())
    theirs = captum.LayerConductance(model, getattr(model, layer))
    theirs = theirs.attribute(IMAGES, START, torch.tensor([1, 2]), n_steps=9, method="riemann_trapezoid")
    options = {"rule": "riemann_left", "steps": 9, "slope": "difference"}
    ours = explained(model, [1, 2], layer=layer, baseline=START, **options)
    assert oracle.relative_l1(ours.attribution, theirs) <= 1e-6
