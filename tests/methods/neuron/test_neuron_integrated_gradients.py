"""Integrated gradients of units: completeness, and Captum with its own nodes."""

import pytest
import torch

import pyxai
from tests.methods import oracle
from tests.methods.neuron.networks import IMAGES, START, inside, part, rectified, smooth

METHOD = "neuron_integrated_gradients"


@pytest.mark.parametrize(
    ("layer", "unit"), [("norm", (1, 2, 3)), ("right", (slice(0, 2),)), ("hidden", (4,))]
)
def test_it_is_complete(layer, unit):
    for make, steps, bound in ((smooth, 64, 1e-9), (rectified, 512, 5e-3)):
        model = make()
        found = pyxai.explain(
            model, IMAGES, METHOD, layer=layer, unit=unit, baseline=START, rule="gauss_legendre", steps=steps
        )
        end, start = (part(inside(model, images, layer)[0], unit) for images in (IMAGES, START))
        size = torch.maximum(end.abs(), start.abs())  # of what the difference is the rest
        assert bool((found.delta.abs() <= bound * size).all())
        assert torch.allclose(found.attribution.flatten(1).sum(1) - found.delta, end - start, rtol=1e-9)


def test_at_the_scores_it_is_integrated_gradients_of_a_class():
    options = {"baseline": START, "rule": "gauss_legendre", "steps": 8}
    ours = pyxai.explain(smooth(), IMAGES, METHOD, layer="head", unit=2, **options).attribution
    assert (
        oracle.relative_l1(
            ours, pyxai.explain(smooth(), IMAGES, "integrated_gradients", 2, **options).attribution
        )
        <= 1e-12
    )


@pytest.mark.parametrize(("layer", "unit"), [("norm", (1, 2, 3)), ("hidden", 4)])
def test_captum(layer, unit):
    captum = pytest.importorskip("captum.attr")
    model = rectified()
    theirs = captum.NeuronIntegratedGradients(model, getattr(model, layer)).attribute(
        IMAGES, unit, START, n_steps=9
    )
    options = {"baseline": START, "rule": "gauss_legendre", "steps": 9}
    ours = pyxai.explain(model, IMAGES, METHOD, layer=layer, unit=unit, **options).attribution
    assert oracle.relative_l1(ours, theirs) <= 1e-6
