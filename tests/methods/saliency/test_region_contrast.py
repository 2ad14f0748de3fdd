"""Region contrast as a method."""

import pytest

from tests.methods.saliency.same import assert_is_the_function


def test_is_the_function():
    pytest.importorskip("skimage")
    assert_is_the_function("region_contrast", variant="histogram", segments="slic", count=20)
