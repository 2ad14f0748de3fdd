"""DeepLIFT of units: differences are conserved; at the scores it is that of a class; Captum."""

import pytest
import torch
from torch import nn

import pyxai
from tests.methods import oracle
from tests.methods.neuron.networks import IMAGES, START, inside, part, rectified, smooth

METHOD = "neuron_deeplift"


@pytest.mark.parametrize("rule", ["rescale", "reveal_cancel", "mixed"])
@pytest.mark.parametrize("make", [smooth, rectified])
@pytest.mark.parametrize(
    ("layer", "unit"), [("norm", (1, 2, 3)), ("twice#2", (2,)), ("right", (slice(0, 2),)), ("hidden", (4,))]
)
def test_it_conserves_the_difference_of_the_units(make, layer, unit, rule):
    model = make()
    found = pyxai.explain(model, IMAGES, METHOD, layer=layer, unit=unit, rule=rule, baseline=START)
    assert float(found.residual.max()) <= 1e-9 and found.target.tolist() == [-1, -1]
    total = found.attribution.flatten(1).sum(1)
    if "#" not in layer:
        wanted = part(inside(model, IMAGES, layer)[0], unit) - part(inside(model, START, layer)[0], unit)
        assert torch.allclose(total, wanted, rtol=1e-9)


@pytest.mark.parametrize("start", [0.0, START])
def test_at_the_scores_it_is_deeplift_of_a_class(start):
    ours = pyxai.explain(rectified(), IMAGES, METHOD, layer="head", unit=2, baseline=start)
    theirs = pyxai.explain(rectified(), IMAGES, "deeplift", 2, baseline=start)
    assert oracle.relative_l1(ours.attribution, theirs.attribution) <= 1e-12
    assert torch.allclose(ours.score, theirs.score, rtol=1e-12)


def test_captum():
    captum = pytest.importorskip("captum.attr")
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(192, 6), nn.Tanh(), nn.Linear(6, 3)
    )
    model = model.double().eval()
    for layer, unit in (("0", (1, 2, 3)), ("3", 4), ("5", 2)):
        theirs = captum.NeuronDeepLift(model, model[int(layer)]).attribute(IMAGES, unit, START)
        ours = pyxai.explain(model, IMAGES, METHOD, layer=layer, unit=unit, baseline=START).attribution
        assert oracle.relative_l1(ours, theirs.detach()) <= 1e-6
