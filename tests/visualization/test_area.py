"""Otsu's threshold against scikit-image on the same histogram."""

import pytest
import torch
from skimage.filters import threshold_otsu

from pyxai.visualization.area import BINS, otsu_area, otsu_threshold


def maps():
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(4, 14, 14, generator=generator, dtype=torch.float64)
    noise[1] = noise[1].exp()
    noise[2, 3:7, 4:9] += 6
    noise[3] = -noise[3].abs()
    return noise


def test_the_threshold_is_that_of_scikit_image():
    """Which gives the centre of the bin whose upper edge ours is."""
    rows = maps().flatten(1)
    half = (rows.amax(1) - rows.amin(1)) / BINS / 2
    expected = [threshold_otsu(row.numpy(), nbins=BINS) for row in rows]
    assert (otsu_threshold(rows) - half).tolist() == pytest.approx(expected, rel=1e-12)


def test_area_of_a_blob():
    intensity = torch.zeros(1, 10, 10)
    intensity[0, 2:5, 3:7] = 1
    assert otsu_area(intensity).tolist() == [0.12]
    assert otsu_area(-intensity).tolist() == [0.88]


def test_rows_do_not_depend_on_each_other():
    together = otsu_area(maps())
    assert all(torch.equal(otsu_area(one[None])[0], own) for one, own in zip(maps(), together, strict=True))


def test_a_constant_map_is_kept_whole():
    assert otsu_area(torch.full((2, 3, 3), -1.5)).tolist() == [1, 1]
