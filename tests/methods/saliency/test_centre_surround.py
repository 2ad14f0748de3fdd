"""Centre against surround as a method."""

from tests.methods.saliency.same import assert_is_the_function


def test_is_the_function():
    assert_is_the_function("centre_surround", radius=(2, 3), window="gaussian")
