"""The model of Itti, Koch and Niebur as a method."""

from tests.methods.saliency.same import assert_is_the_function


def test_is_the_function():
    assert_is_the_function("itti_koch", normalisation="iterative")
