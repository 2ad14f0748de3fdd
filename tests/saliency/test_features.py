"""The early visual features: pyramids, opponent colours, orientations."""

import math

import numpy as np
import pytest
import scipy.ndimage
import torch

from pyxai.saliency.features import enlarged, faded, opponents, orientations, pyramid


def test_pyramid_has_nine_levels_of_constant_mean():
    levels = pyramid(torch.full((1, 300, 200), 0.3))
    assert list(levels) == list(range(9)) and levels[8].shape == (1, 2, 1)
    for plane in levels.values():
        torch.testing.assert_close(plane, torch.full_like(plane, 0.3))


@pytest.mark.parametrize("size", [(12, 9), (1, 8), (5, 1)])
def test_pyramid_against_scipy(size):
    planes = torch.rand(2, *size, dtype=torch.float64)
    taps = np.array([1, 5, 10, 10, 5, 1]) / 32
    expected = planes.numpy()
    for side in (1, 2):  # the window of pixel 0 begins two pixels before it
        expected = scipy.ndimage.correlate1d(expected, taps, side, mode="nearest", origin=-1)
    torch.testing.assert_close(pyramid(planes, 2)[1], torch.from_numpy(expected[:, ::2, ::2].copy()))


def test_opponents_of_pure_colours():
    pure = torch.eye(3)[..., None, None].expand(3, 3, 4, 4)
    red_green, blue_yellow = (plane[:, 0, 0] for plane in opponents(pure))
    # intensity is 1/3, so a pure channel is 3
    torch.testing.assert_close(red_green, torch.tensor([3.0, -3.0, 0.0]))
    torch.testing.assert_close(blue_yellow, torch.tensor([0.0, 0.0, 3.0]))


def test_orientation_energy_follows_the_wave():
    y, x = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    for number, direction in enumerate((x, x - y, y, x + y)):
        steepness = math.hypot(
            *(float(direction[1, 0] - direction[0, 0]), float(direction[0, 1] - direction[0, 0]))
        )
        wave = torch.sin(2 * math.pi * direction / 7 / steepness)
        energy = [angle[0][0, 16:48, 16:48].mean() for angle in orientations({0: wave[None]}, [0])]
        assert int(torch.stack(energy).argmax()) == number


def test_small_pictures_are_enlarged_to_nine_levels():
    images = torch.rand(2, 3, 30, 60)
    assert enlarged(images).shape == (2, 3, 128, 256)
    large = torch.rand(1, 3, 20, 256)
    assert enlarged(large) is large


def test_fading():
    found = faded(torch.ones(1, 5, 9), 2)[0, 2]
    assert found.tolist() == pytest.approx([1 / 3, 2 / 3, 1, 1, 1, 1, 1, 2 / 3, 1 / 3])
