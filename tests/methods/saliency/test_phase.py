"""The phase spectrum as a method."""

from tests.methods.saliency.same import assert_is_the_function


def test_is_the_function():
    assert_is_the_function("phase", size=16, sigma=1.0)
