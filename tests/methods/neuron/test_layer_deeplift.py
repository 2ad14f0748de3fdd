"""DeepLIFT at layers: differences are conserved, by both rules; Captum and DeepSHAP's mean."""

import pytest
import torch
from torch import nn

import pyxai
from tests import unfriendly
from tests.methods import oracle
from tests.methods.neuron.networks import IMAGES, START, rectified, smooth

METHOD = "layer_deeplift"
RULES = ("rescale", "reveal_cancel", "mixed")


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("make", [smooth, rectified])
@pytest.mark.parametrize("layer", ["stem", "norm", "hidden", "head"])
def test_it_conserves_the_difference_of_the_scores(make, layer, rule):
    model = make()
    found = pyxai.explain(model, IMAGES, METHOD, 1, layer=layer, rule=rule, baseline=START)
    difference = (model(IMAGES) - model(START))[:, 1]
    assert torch.allclose(found.attribution.flatten(1).sum(1), difference, rtol=1e-9)
    assert float(found.residual.max()) <= 1e-9


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    ("net", "layer"),
    [
        ("Gate", "conv1"),
        ("OtherNorms", "conv2"),
        ("OddConvolutions", "strided"),
        ("Concatenation", "bn"),
        ("OverlappingPools", "pool1"),
    ],
)
def test_networks_of_all_sorts(net, layer, rule):
    model, images = unfriendly.build(net), unfriendly.images(2)
    found = pyxai.explain(model, images, METHOD, 1, layer=layer, rule=rule, baseline=0.5 * images.flip(0))
    assert float(found.residual.max()) <= 1e-8


@pytest.mark.parametrize("rule", RULES)
def test_at_the_images_it_is_deeplift(rule):
    options = {"rule": rule, "baseline": START}
    ours = pyxai.explain(rectified(), IMAGES, METHOD, 1, layer="whole", **options).attribution
    assert (
        oracle.relative_l1(ours, pyxai.explain(rectified(), IMAGES, "deeplift", 1, **options).attribution)
        <= 1e-12
    )


def test_a_layer_that_something_bypasses_has_no_sum_to_reach():
    found = pyxai.explain(rectified(), IMAGES, METHOD, 1, layer="twice")
    assert found.delta is None and found.attribution.shape == (2, 6, 8, 10)


def test_several_baselines_are_averaged_as_deepshap_does():
    starts = torch.stack([START, 0.5 * START], 1)
    both = pyxai.explain(rectified(), IMAGES, METHOD, 1, layer="norm", baseline=starts)
    each = [
        pyxai.explain(rectified(), IMAGES, METHOD, 1, layer="norm", baseline=start).attribution
        for start in starts.unbind(1)
    ]
    assert torch.allclose(both.attribution, sum(each) / 2, rtol=1e-10) and float(both.residual.max()) <= 1e-9


def test_reveal_cancel_takes_the_parts_that_arrive_at_the_layer():
    """y = relu(a + b) of a = 10, b = -6, at the sum: Δ⁺ = 10 has 7, Δ⁻ = -6 has -3 (Shrikumar et al.)."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(2, 1), nn.ReLU(), nn.Linear(1, 1)).double().eval()
    for layer, weight in ((1, [[1.0, 1.0]]), (3, [[1.0]])):
        model[layer].weight.data, model[layer].bias.data = (
            torch.tensor(weight).double(),
            torch.zeros(1).double(),
        )
    images = torch.tensor([10.0, -6.0], dtype=torch.float64).reshape(1, 1, 1, 2)
    options = {"rule": "reveal_cancel", "output_kind": "value"}
    assert pyxai.explain(
        model, images, METHOD, layer="1", **options
    ).attribution.flatten().tolist() == pytest.approx([4])
    assert pyxai.explain(
        model, images, "deeplift", **options
    ).attribution.flatten().tolist() == pytest.approx([7, -3])


def test_captum():
    captum = pytest.importorskip("captum.attr")
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(192, 6), nn.Tanh(), nn.Linear(6, 3)
    )
    model = model.double().eval()
    for layer in ("0", "1", "3", "4"):
        theirs = captum.LayerDeepLift(model, model[int(layer)]).attribute(IMAGES, START, torch.tensor([1, 2]))
        ours = pyxai.explain(model, IMAGES, METHOD, [1, 2], layer=layer, baseline=START)
        assert oracle.relative_l1(ours.attribution, theirs.detach()) <= 1e-6
