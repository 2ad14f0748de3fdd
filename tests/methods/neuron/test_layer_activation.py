"""The values of layers of all sorts, as a hook sees them, and as Captum has them."""

import pytest
import torch

import pyxai
from tests.methods.neuron.networks import BESIDE, IMAGES, THROUGH, inside, rectified


@pytest.mark.parametrize("layer", [*THROUGH, "left", "right", "pool"])
def test_it_is_what_a_hook_sees_before_anything_writes_over_it(layer):
    model = rectified()
    found = pyxai.explain(model, IMAGES, "layer_activation", layer=layer)
    if layer != "pool":  # which is called twice
        assert torch.allclose(found.attribution, inside(model, IMAGES, layer)[0], rtol=1e-12)
    assert torch.equal(found.target, model(IMAGES).argmax(1)) and found.delta is None


def test_each_call_of_a_module_is_a_layer():
    model = rectified()
    first, second = (
        pyxai.explain(model, IMAGES, "layer_activation", layer=name).attribution for name in BESIDE[:2]
    )
    body = model.activation(model.norm(model.stem(IMAGES)))
    assert torch.allclose(first, model.twice(body.clone()), rtol=1e-12)
    body = body + model.activation(first.clone())
    assert torch.allclose(second, model.twice(body), rtol=1e-12)


def test_all_targets_have_the_same_map():
    found = pyxai.explain(rectified(), IMAGES, "layer_activation", [[0, 1], [2, 3]], layer="hidden")
    assert found.attribution.shape == (2, 2, 7) and torch.equal(*found.attribution.unbind(1))


def test_it_asks_for_scores_alone():
    with torch.no_grad():
        model = rectified()
        found = pyxai.explain(
            torch.nn.Sequential(model, torch.nn.Identity()), IMAGES, "layer_activation", layer="0.head"
        )
        assert torch.allclose(found.attribution, model(IMAGES), rtol=1e-12)


def test_captum():
    captum = pytest.importorskip("captum.attr")
    model = rectified()
    theirs = captum.LayerActivation(model, model.norm).attribute(IMAGES)
    assert torch.allclose(
        pyxai.explain(model, IMAGES, "layer_activation", layer="norm").attribution, theirs, rtol=1e-10
    )
