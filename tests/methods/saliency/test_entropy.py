"""Local entropy as a method."""

from tests.methods.saliency.same import assert_is_the_function


def test_is_the_function():
    assert_is_the_function("entropy", radius=2, window="disk")
