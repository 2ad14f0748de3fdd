"""Which units: of maps, tokens and flat layers; and those that are not there."""

import pytest
import torch

import pyxai
from tests.methods.neuron.networks import IMAGES, smooth
from tests.methods.neuron.test_at_layer import last

METHODS = [name for name in pyxai.list_methods("neuron") if name.startswith("neuron")]


def explained(method, model=None, **options):
    steps = {"steps": 2} if "steps" in pyxai.methods.get_method(method).options() else {}
    return pyxai.explain(model or smooth(), IMAGES, method, **steps, **options).attribution


@pytest.mark.parametrize("method", METHODS)
def test_text_numbers_and_slices_are_the_same(method):
    wanted = explained(method, layer="norm", unit=(slice(0, 2), 3, slice(None)))
    assert torch.equal(wanted, explained(method, layer="norm", unit="0:2,3,:"))
    assert torch.equal(
        explained(method, layer="hidden", unit=4), explained(method, layer="hidden", unit=(4,))
    )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("layer", "unit", "message"),
    [
        ("norm", 6, r"\(6, 8, 10\), the shape of `norm`, got \(6,\)"),
        ("norm", (0, 8, 0), r"\(6, 8, 10\), the shape of `norm`, got \(0,8,0\)"),
        ("hidden", (0, 1, 2), r"\(7,\), the shape of `hidden`, got \(0,1,2\)"),
        ("hidden", "7:9", r"\(7,\), the shape of `hidden`, got \(7:9,\)"),
    ],
)
def test_a_unit_that_the_layer_lacks(method, layer, unit, message):
    with pytest.raises(ValueError, match=f"^{method}: `unit` must be an index into {message}$"):
        explained(method, layer=layer, unit=unit)


@pytest.mark.parametrize("method", METHODS)
def test_a_unit_of_tokens_and_of_windows(method):
    """The second window begins with the token in the middle."""
    tokens = explained(method, last(), layer="tokens", unit=(13, 2))
    assert tokens.abs().sum() > 0 and (tokens != 0).any(1)[0].sum() <= 4  # one patch
    window = explained(method, last(), layer="windows", unit=(1, 3, 2))
    assert torch.equal(window != 0, tokens != 0)
