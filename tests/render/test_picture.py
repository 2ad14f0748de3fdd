"""Scaling, colours and overlays."""

import numpy as np
import pytest

from pyxai.render import colour_map, colourise, overlay
from pyxai.render.picture import unit


def test_symmetric_scaling_keeps_zero_and_sign():
    heatmap = np.array([[-2.0, 0.0], [1.0, 4.0]])
    np.testing.assert_allclose(unit(heatmap, percentile=100), heatmap / 4)
    np.testing.assert_allclose(unit(heatmap, symmetric=False, percentile=100), (heatmap + 2) / 6)


@pytest.mark.parametrize("draw", [colourise, unit])
def test_a_percentile_beyond_is_refused(draw):
    with pytest.raises(ValueError, match="`percentile` must be a number from 0 to 100, got 150"):
        draw(np.ones((2, 2)), percentile=150)


def test_one_pixel_does_not_hide_the_rest():
    heatmap = np.ones((100, 100))
    heatmap[0, 0] = 1e6
    assert unit(heatmap)[50, 50] == 1
    assert unit(heatmap)[0, 0] == 1


def test_a_map_of_few_pixels_is_not_clipped_away():
    heatmap = np.zeros((100, 100))
    heatmap[3, 3] = -5
    assert unit(heatmap)[3, 3] == -1
    assert unit(heatmap)[0, 0] == 0


@pytest.mark.parametrize("symmetric", [True, False])
def test_a_map_of_zeros(symmetric):
    assert (unit(np.zeros((5, 5)), symmetric) == 0).all()


def test_each_map_is_scaled_by_itself():
    maps = np.stack([np.eye(8), 1000 * np.eye(8)])
    np.testing.assert_array_equal(colourise(maps)[0], colourise(maps)[1])
    np.testing.assert_array_equal(colourise(maps)[0], colourise(maps[0]))


def test_colours():
    found = colourise(np.array([[-1.0, 0.0, 1.0]]), percentile=100)
    table = colour_map("diverging")
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found[0], table[[0, 255, 510]])
    np.testing.assert_array_equal(
        colourise(np.array([[0.0, 2.0]]), "gray", symmetric=False, percentile=100)[0], [[0] * 3, [255] * 3]
    )


def test_nan_is_drawn_as_nothing():
    heatmap = np.ones((4, 4))
    heatmap[1, 1] = np.nan
    assert colourise(heatmap)[1, 1].min() <= 255
    assert np.isfinite(overlay(np.zeros((4, 4, 3), np.uint8), heatmap)).all()


def test_overlay_shows_the_image_where_the_map_is_zero_and_the_colour_where_it_is_strong():
    image = np.zeros((8, 8, 3), np.uint8)
    image[:, 4:] = 255
    heatmap = np.zeros((8, 8))
    heatmap[2, 2], heatmap[6, 6] = 1, -1
    found = overlay(image, heatmap, percentile=100).astype(int)
    assert (found[0, 0] == found[0, 0, 0]).all()
    assert found[0, 7, 0] > found[0, 0, 0] + 100
    assert found[2, 2, 0] > found[2, 2, 2] + 80
    assert found[6, 6, 2] > found[6, 6, 0] + 80


def test_a_small_map_is_resized_to_its_image():
    assert overlay(np.zeros((32, 24, 3), np.uint8), np.eye(4)).shape == (32, 24, 3)
