"""The colour maps have the properties they are chosen for."""

import numpy as np
import pytest

from pyxai.render import COLOUR_MAPS, colour_map


def lightness(rgb: np.ndarray) -> np.ndarray:
    """CIE L* of sRGB in 0..255."""
    values = rgb / 255
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    luminance = linear @ np.array([0.2126, 0.7152, 0.0722])
    return np.where(luminance > 216 / 24389, 116 * np.cbrt(luminance) - 16, luminance * 24389 / 27)


@pytest.mark.parametrize("name", COLOUR_MAPS)
def test_tables(name):
    table = colour_map(name)
    assert table.shape == (511, 3)
    assert table.dtype == np.uint8


def test_diverging_is_white_at_zero_and_equally_dark_on_both_sides():
    table = colour_map("diverging")
    light = lightness(table.astype(float))
    assert table[255].min() >= 250
    assert np.abs(light - light[::-1]).max() < 6  # OKLab and L* differ most for saturated blue
    assert (np.diff(light[:256]) >= -0.6).all()  # monotone up to the rounding of 8 bits
    assert (np.diff(light[255:]) <= 0.6).all()
    assert table[0, 2] > table[0, 0] + 100, "negative is blue"
    assert table[-1, 0] > table[-1, 2] + 100, "positive is red"


def test_jet_is_the_standard_one():
    table = colour_map("jet")
    for place, wanted in (
        (0, (0, 0, 128)),
        (1 / 8, (0, 0, 255)),
        (3 / 8, (0, 255, 255)),
        (1 / 2, (128, 255, 128)),
        (5 / 8, (255, 255, 0)),
        (7 / 8, (255, 0, 0)),
        (1, (128, 0, 0)),
    ):
        assert np.abs(table[round(place * 510)].astype(int) - wanted).max() <= 2


def test_an_unknown_map_is_named():
    with pytest.raises(ValueError, match="`cmap` must be one of diverging, jet, gray, got 'viridis'"):
        colour_map("viridis")
