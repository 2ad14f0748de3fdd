"""Integrated gradients at layers: completeness, closed forms, Captum with its own nodes."""

import pytest
import torch
from torch import nn

import pyxai
from tests.methods import oracle
from tests.methods.neuron.networks import BESIDE, IMAGES, START, THROUGH, rectified, smooth, tangled

METHOD = "layer_integrated_gradients"
EXACT = {"rule": "gauss_legendre", "steps": 512}


def explained(model, target=1, **options):
    return pyxai.explain(model, IMAGES, METHOD, target, **options)


@pytest.mark.parametrize("layer", [*THROUGH, *BESIDE])
def test_it_is_complete_on_a_smooth_network(layer):
    model = smooth()
    found = explained(model, layer=layer, baseline=START, rule="gauss_legendre", steps=64)
    assert float(found.residual.max()) <= 1e-9
    if layer in THROUGH:
        difference = (model(IMAGES) - model(START))[:, 1]
        assert torch.allclose(found.attribution.flatten(1).sum(1), difference, rtol=1e-9)


@pytest.mark.parametrize("layer", ["norm", "twice#2", "hidden"])
def test_it_is_complete_on_a_rectified_network(layer):
    assert float(explained(rectified(), layer=layer, **EXACT).residual.max()) <= 5e-3


@pytest.mark.parametrize("layer", ["0", "2"])
def test_a_layer_may_lead_into_a_linear_layer_at_once(layer):
    """Speed-ups of linear layers ask for the shape of what stands in place of the layer."""
    layers = nn.Flatten(), nn.Linear(IMAGES[0].numel(), 6), nn.ReLU(), nn.Linear(6, 3)
    model = nn.Sequential(*layers).eval()
    images = IMAGES.float()
    found = pyxai.explain(model, images, METHOD, 1, layer=layer, baseline=START.float(), steps=64)
    difference = (model(images) - model(START.float()))[:, 1]
    assert torch.allclose(found.attribution.sum(1), difference, rtol=0.05, atol=0.02)


def test_what_bypasses_the_layer_stays():
    """The sum to reach is the difference from the image with other values at the layer."""

    class Past(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Flatten()

        def forward(self, x):
            inside, beside = self.layer(x), x.flatten(1) ** 2
            return (inside * beside).sum(1, keepdim=True).repeat(1, 2)

    found = pyxai.explain(Past(), IMAGES, METHOD, 0, layer="layer", baseline=START, steps=1)
    wanted = (IMAGES - START).flatten(1) * IMAGES.flatten(1) ** 2
    assert torch.allclose(found.attribution, wanted, rtol=1e-12) and float(found.residual.max()) <= 1e-12


def test_at_the_images_it_is_integrated_gradients():
    options = {"baseline": START, "rule": "gauss_legendre", "steps": 8}
    ours = explained(smooth(), layer="whole", **options).attribution
    assert (
        oracle.relative_l1(
            ours, pyxai.explain(smooth(), IMAGES, "integrated_gradients", 1, **options).attribution
        )
        <= 1e-12
    )


def test_several_and_noisy_baselines_are_averaged():
    options = {"layer": "norm", "steps": 4}
    starts = torch.stack([START, 0.5 * START], 1)
    both = explained(smooth(), baseline=starts, **options).attribution
    each = [explained(smooth(), baseline=start, **options).attribution for start in starts.unbind(1)]
    assert torch.allclose(both, sum(each) / 2, rtol=1e-12)
    noisy = explained(smooth(), samples=3, noise_scale=0.1, **options)
    assert noisy.evaluations.tolist() == [12, 12] and not torch.allclose(noisy.attribution, each[0])
    again = explained(smooth(), samples=3, noise_scale=0.1, **options)
    assert torch.equal(noisy.attribution, again.attribution)


def test_a_tolerance_is_kept():
    found = explained(smooth(), layer="norm", tolerance=0.01)
    exact = explained(smooth(), layer="norm", rule="gauss_legendre", steps=64)
    assert oracle.relative_l1(found.attribution, exact.attribution) <= 0.01
    assert bool((found.extras["error_estimate"] <= 0.01).all())


@pytest.mark.parametrize("layer", ["norm", "right", "hidden"])
def test_captum(layer):
    captum = pytest.importorskip("captum.attr")
    model = tangled(nn.ReLU())  # which it cannot take in place
    theirs = captum.LayerIntegratedGradients(model, getattr(model, layer))
    theirs = theirs.attribute(IMAGES, START, torch.tensor([1, 2]), n_steps=9)
    ours = explained(model, [1, 2], layer=layer, baseline=START, rule="gauss_legendre", steps=9)
    assert oracle.relative_l1(ours.attribution, theirs) <= 1e-6
