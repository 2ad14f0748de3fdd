"""Where a map starts: classes that share a forward pass, a layer, its units."""

import pytest
import torch

import pyxai
from tests import unfriendly

METHODS = ("deconvnet", "guided_backprop")


@pytest.mark.parametrize("method", METHODS)
def test_classes_share_a_forward_pass(method):
    model, images = unfriendly.build("FunctionalReLU"), unfriendly.images(2)
    both = pyxai.explain(model, images, method, torch.tensor([[1, 4], [0, 4]]))
    for t, target in enumerate(([1, 0], [4, 4])):
        alone = pyxai.explain(model, images, method, target)
        assert torch.equal(alone.attribution, both.attribution[:, t])
        assert torch.equal(alone.score, both.score[:, t])
    assert both.evaluations.tolist() == [1, 1]


@pytest.mark.parametrize("method", METHODS)
def test_units_of_a_layer_add_up_to_the_layer(method):
    """All units start together: the map is linear in where it starts as long as no ReLU lies below."""
    model, images = unfriendly.build("FunctionalReLU"), unfriendly.images(2)
    whole = pyxai.explain(model, images, method, layer="conv1").attribution
    each = [
        pyxai.explain(model, images, method, layer="conv1", unit=(channel,)).attribution
        for channel in range(model.conv1.out_channels)
    ]
    assert torch.allclose(sum(each), whole, rtol=1e-10)


@pytest.mark.parametrize("unit", [None, (2,), (2, 3, 4)])
def test_the_score_of_a_unit_is_its_value_and_there_is_no_class(unit):
    model, images = unfriendly.build("FunctionalReLU"), unfriendly.images(2)
    found = pyxai.explain(model, images, "deconvnet", layer="conv1", unit=unit)
    value = model.conv1(images)[(slice(None), *(unit or ()))]
    assert torch.allclose(found.score, value.flatten(1).sum(1) if value.ndim > 1 else value, rtol=1e-12)
    assert found.target.tolist() == [-1, -1] and found.output_kind == "units"
    names = {None: "all units", (2,): "unit 2", (2, 3, 4): "unit 2,3,4"}
    assert found.target_name == f"conv1, {names[unit]}"


def test_units_stand_in_place_of_a_target():
    model, images = unfriendly.build("FunctionalReLU"), unfriendly.images(2)
    options = {"layer": "conv1", "unit": (2,)}
    with pytest.raises(ValueError, match=r"`target` must be left out: .*, but conv1, unit 2, got 3"):
        pyxai.explain(model, images, "deconvnet", 3, **options)
    smooth = pyxai.Explainer(model, "smoothgrad", of="deconvnet", of_options=options, samples=2)
    found = smooth(images)
    assert (found.output_kind, found.target_name) == ("units", "conv1, unit 2")
    assert (smooth.info()["output_kind"], smooth.info()["units"]) == ("units", "conv1, unit 2")
    with pytest.raises(ValueError, match="`target` must be left out"):
        smooth(images, [0, 1])


def test_a_start_at_the_activation_scales_the_map_of_one_unit():
    model, images = unfriendly.build("FunctionalReLU"), unfriendly.images(2)
    ones, scaled = (
        pyxai.explain(model, images, "guided_backprop", layer="conv1", unit=(1, 2, 3), start=start)
        for start in ("one_hot", "activation")
    )
    expected = ones.attribution * ones.score.reshape(-1, 1, 1, 1)
    assert torch.allclose(scaled.attribution, expected, rtol=1e-12)


@pytest.mark.parametrize("unit", [(0.5,), ("a",), 0.5])
def test_units_are_whole_numbers(unit):
    model, images = unfriendly.build("FunctionalReLU"), unfriendly.images(1)
    with pytest.raises(ValueError, match="`unit` must be"):
        pyxai.explain(model, images, "deconvnet", layer="conv2", unit=unit)


def test_a_unit_that_is_not_there():
    model, images = unfriendly.build("FunctionalReLU"), unfriendly.images(1)
    with pytest.raises(ValueError, match=r"`unit` must be an index into \(8, 8, 8\)"):
        pyxai.explain(model, images, "deconvnet", layer="conv2", unit=(8,))
    with pytest.raises(ValueError, match="`unit` must come with `layer`, whose unit it is, got"):
        pyxai.explain(model, images, "deconvnet", unit=(0,))
    with pytest.raises(ValueError, match="`layer` must name a module"):
        pyxai.explain(model, images, "deconvnet", layer="nowhere")
