"""What stands for units of a layer, and which a layer has."""

import pytest

from pyxai.methods.unit import check_unit, unit_index, units_of


@pytest.mark.parametrize(
    ("unit", "index", "name"),
    [
        (None, (), "conv, all units"),
        (3, (3,), "conv, unit 3"),
        (3.0, (3,), "conv, unit 3"),
        ((1, 2, 3), (1, 2, 3), "conv, unit 1,2,3"),
        (slice(0, 4), (slice(0, 4),), "conv, unit 0:4"),
        ((2, slice(None), slice(1, 5, 2)), (2, slice(None), slice(1, 5, 2)), "conv, unit 2,:,1:5:2"),
        ("0:4, :,2", (slice(0, 4), slice(None), 2), "conv, unit 0:4,:,2"),
        ("3", (3,), "conv, unit 3"),
    ],
)
def test_what_stands_for_an_index(unit, index, name):
    assert unit_index(unit) == index and units_of("conv", unit_index(unit)) == name


@pytest.mark.parametrize(
    "unit",
    ["a", "1:2:3:4", "", (0.5,), 0.5, float("nan"), True, ("a",), slice(0, 4, 0), slice(-1, None), [None]],
)
def test_what_is_no_index(unit):
    with pytest.raises(ValueError, match=r"^`unit` must be a whole number or a range, or several of them"):
        unit_index(unit)


def test_the_units_that_a_layer_has():
    for unit in ((), (7,), (0, 3), (slice(0, 4), 2), (slice(6, 99),), "7,3"):
        check_unit(unit_index(unit) if isinstance(unit, str) else unit, (8, 4), "conv")


@pytest.mark.parametrize(
    ("unit", "got"),
    [
        ((8,), r"\(8,\)"),
        ((-1,), r"\(-1,\)"),
        ((0, 4), r"\(0,4\)"),
        ((0, 0, 0), r"\(0,0,0\)"),
        ((slice(8, 9),), r"\(8:9,\)"),
    ],
)
def test_units_that_a_layer_lacks(unit, got):
    with pytest.raises(
        ValueError, match=rf"^`unit` must be an index into \(8, 4\), the shape of `conv`, got {got}$"
    ):
        check_unit(unit, (8, 4), "conv")
