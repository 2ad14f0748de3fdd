"""Guided backpropagation that starts at units: that of the class at the scores, and Captum's."""

import pytest
import torch
from torch import nn

import pyxai
from tests.methods import oracle
from tests.methods.neuron.networks import IMAGES, rectified, tangled

METHOD = "neuron_guided_backprop"


def test_at_the_scores_it_is_guided_backprop_of_a_class():
    ours = pyxai.explain(rectified(), IMAGES, METHOD, layer="head", unit=2)
    theirs = pyxai.explain(rectified(), IMAGES, "guided_backprop", 2)
    assert torch.equal(ours.attribution, theirs.attribution) and ours.target_name == "head, unit 2"


def test_ranges_of_units_start_together():
    both = pyxai.explain(rectified(), IMAGES, METHOD, layer="stem", unit="0:2").attribution
    each = [
        pyxai.explain(rectified(), IMAGES, METHOD, layer="stem", unit=unit).attribution for unit in (0, 1)
    ]
    assert torch.allclose(both, sum(each), rtol=1e-10)  # no ReLU lies below


@pytest.mark.parametrize(("layer", "unit"), [("norm", (1, 2, 3)), ("right", (1, 1, 2)), ("hidden", 4)])
def test_captum(layer, unit):
    captum = pytest.importorskip("captum.attr")
    model = tangled(nn.ReLU())
    theirs = captum.NeuronGuidedBackprop(model, getattr(model, layer)).attribute(IMAGES, unit)
    ours = pyxai.explain(model, IMAGES, METHOD, layer=layer, unit=unit).attribution
    assert oracle.relative_l1(ours, theirs) <= 1e-6
