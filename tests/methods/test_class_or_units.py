"""A class, or units of a layer, for every method that offers both."""

import pytest

import pyxai
from pyxai.methods import get_method
from pyxai.methods.class_or_units import ClassOrUnits

# Those whose layer is None by default: others of the base are about units alone.
METHODS = [
    name
    for name in pyxai.list_methods()
    if issubclass(get_method(name), ClassOrUnits) and get_method(name).layer is None
]


def test_who_offers_both():
    assert {"deconvnet", "guided_backprop", "activation_maximization"} <= set(METHODS)


@pytest.mark.parametrize("name", METHODS)
def test_what_is_explained(name):
    method = get_method(name)
    assert (method().layers, method().units) == ((), "")
    of_units = method(layer="conv1", unit="0:2,1")
    assert (of_units.layers, of_units.units) == (("conv1",), "conv1, unit 0:2,1")
    assert method(layer="conv1").units == "conv1, all units"


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"unit": 3}, "`unit` must come with `layer`, whose unit it is, got 3"),
        ({"layer": ""}, "`layer` must be the name of a module, got ''"),
        ({"layer": "conv1", "unit": 0.5}, "`unit` must be a whole number or a range"),
    ],
)
def test_messages(name, options, message):
    with pytest.raises(ValueError, match=message):
        get_method(name)(**options)
