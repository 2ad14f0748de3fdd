"""How much a small file may become in memory."""

import pytest

from pyxai.engine import InputError
from pyxai.engine.data.limits import Limits


def test_what_is_within_and_beyond():
    limits = Limits(pixels=12, unpacked=100)
    limits.check_pixels(3, 4)
    limits.check_unpacked(100)
    with pytest.raises(ValueError, match="4x4 pixels are more than 12: see --max-pixels"):
        limits.check_pixels(4, 4)
    with pytest.raises(ValueError, match="unpacks to 101 bytes, more than 100: see --max-unpacked"):
        limits.check_unpacked(101)


@pytest.mark.parametrize("wrong", [{"pixels": 0}, {"unpacked": -1}, {"pixels": 1.5}, {"unpacked": True}])
def test_limits_that_are_none(wrong):
    name = {"pixels": "--max-pixels", "unpacked": "--max-unpacked"}[next(iter(wrong))]
    with pytest.raises(InputError, match=f"{name} must be a positive whole number"):
        Limits(**wrong)
