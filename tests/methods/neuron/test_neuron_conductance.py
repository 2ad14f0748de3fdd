"""Conductance of pixels through units: its sums, and Captum with its own nodes."""

import pytest
import torch

import pyxai
from tests.methods import oracle
from tests.methods.neuron.networks import BESIDE, IMAGES, START, rectified, smooth

METHOD = "neuron_conductance"
EXACT = {"baseline": START, "rule": "gauss_legendre", "steps": 48}


@pytest.mark.parametrize("make", [smooth, rectified])
@pytest.mark.parametrize(
    ("layer", "unit"), [("norm", (1, 2, 3)), ("twice#2", (2,)), ("right", (slice(0, 2), 1)), ("hidden", (4,))]
)
def test_its_sum_over_the_pixels_is_the_conductance_of_the_units(make, layer, unit):
    model = make()
    pixels = pyxai.explain(model, IMAGES, METHOD, [[1, 2]] * 2, layer=layer, unit=unit, **EXACT)
    units = pyxai.explain(model, IMAGES, "layer_conductance", [[1, 2]] * 2, layer=layer, **EXACT).attribution
    of_units = units[(slice(None), slice(None), *unit)].reshape(2, 2, -1).sum(-1)
    assert torch.allclose(pixels.attribution.flatten(2).sum(2), of_units, rtol=1e-9, atol=1e-12)
    assert pixels.target.tolist() == [[1, 2]] * 2 and pixels.delta is None


def test_through_all_units_of_a_layer_that_all_flows_through_it_is_integrated_gradients():
    ours = pyxai.explain(smooth(), IMAGES, METHOD, 1, layer="norm", **EXACT).attribution
    assert (
        oracle.relative_l1(
            ours, pyxai.explain(smooth(), IMAGES, "integrated_gradients", 1, **EXACT).attribution
        )
        <= 1e-10
    )


def test_units_of_a_layer_add_up():
    whole = pyxai.explain(smooth(), IMAGES, METHOD, 1, layer=BESIDE[0], steps=3).attribution
    each = [
        pyxai.explain(smooth(), IMAGES, METHOD, 1, layer=BESIDE[0], unit=unit, steps=3).attribution
        for unit in range(6)
    ]
    assert torch.allclose(sum(each), whole, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize(
    ("rule", "theirs"), [("gauss_legendre", "gausslegendre"), ("riemann_left", "riemann_left")]
)
@pytest.mark.parametrize(("layer", "unit"), [("norm", (1, 2, 3)), ("right", (1, 1, 2)), ("head", 2)])
def test_captum(layer, unit, rule, theirs):
    captum = pytest.importorskip("captum.attr")
    model, target = rectified(), torch.tensor([2, 2])
    expected = captum.NeuronConductance(model, getattr(model, layer))
    expected = expected.attribute(IMAGES, unit, START, target, n_steps=9, method=theirs)
    options = {"layer": layer, "unit": unit, "baseline": START, "rule": rule, "steps": 9}
    ours = pyxai.explain(model, IMAGES, METHOD, target, **options).attribution
    assert oracle.relative_l1(ours, expected) <= 1e-6
