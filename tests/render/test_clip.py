"""Frames of a clip side by side."""

import numpy as np
import pytest

from pyxai.render import clip
from pyxai.render.picture import colourise, overlay


@pytest.mark.parametrize("count, frames", [(1, [0]), (8, list(range(8))), (16, [1, 3, 5, 7, 9, 11, 13, 15])])
def test_frames_that_are_shown(count, frames):
    assert clip.shown(count) == frames


def test_input_map_and_overlay_of_every_frame():
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (5, 6, 7, 3), np.uint8)
    maps = random.normal(size=(5, 6, 7)) * np.array([1, 1, 1, 1, 30])[:, None, None]
    frames, heat, over = clip.lines(images, maps, "diverging", True, 100.0)
    assert [line.shape for line in (frames[3], heat[3], over[3])] == [(6, 7, 3)] * 3
    np.testing.assert_array_equal(np.stack(frames), images)
    whole = colourise(maps.transpose(1, 0, 2).reshape(6, 35), "diverging", True, 100.0)
    np.testing.assert_array_equal(np.concatenate(heat, 1), whole)
    alike = colourise(maps[0], "diverging", True, 100.0)
    assert not np.array_equal(heat[0], alike)  # frames are scaled together: the last one is the strongest
    wide = images.transpose(1, 0, 2, 3).reshape(6, 35, 3)
    drawn = overlay(wide, maps.transpose(1, 0, 2).reshape(6, 35), "diverging", True, 100.0)
    np.testing.assert_array_equal(np.concatenate(over, 1), drawn)


def test_maps_of_a_layer_are_spread_over_time_and_space():
    images, maps = np.zeros((8, 6, 6, 3), np.uint8), np.zeros((2, 3, 3))
    maps[1] = 1
    _, heat, _ = clip.lines(images, maps, "gray", False, 100.0)
    assert [int(frame.max()) for frame in heat] == [0] * 4 + [255] * 4 and heat[0].shape == (6, 6, 3)
    (alone,) = clip.lines(None, maps, "gray", False, 100.0)
    assert [frame.shape for frame in alone] == [(3, 3, 3)] * 2
