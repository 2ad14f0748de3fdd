"""Separable maps of planes against scipy, and against loops."""

import numpy as np
import pytest
import scipy.ndimage
import torch
import torch.nn.functional as F

from pyxai.saliency import planes

PICTURE = torch.rand(2, 19, 26, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def test_grey():
    images = torch.rand(2, 3, 4, 5, dtype=torch.float64)
    wanted = np.tensordot([0.299, 0.587, 0.114], images.numpy(), (0, 1))
    np.testing.assert_allclose(planes.grey(images), wanted, atol=1e-15)
    assert torch.equal(planes.grey(images[:, :1]), images[:, 0])


def test_grey_levels_are_rounded_as_opencv_does():
    cv2 = pytest.importorskip("cv2")
    pixels = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    images = torch.from_numpy(pixels).permute(2, 0, 1)[None] / 255
    assert np.array_equal(planes.grey_levels(images)[0], cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY))


@pytest.mark.parametrize("size", [(7, 9), (40, 60), (1, 80), (19, 26)])
@pytest.mark.parametrize("antialias", [False, True])
def test_resize_is_torchs(size, antialias):
    wanted = F.interpolate(PICTURE[:, None], size, mode="bilinear", antialias=antialias)[:, 0]
    torch.testing.assert_close(planes.resize(PICTURE, *size, antialias=antialias), wanted, atol=1e-12, rtol=0)


@pytest.mark.parametrize("sigma", [0.5, 2.0, 7.5])
@pytest.mark.parametrize("kept", [planes.KEPT, 0])
def test_gaussian_mean_against_scipy(sigma, kept, monkeypatch):
    """By one matrix, and in stretches where a side is long."""
    monkeypatch.setattr(planes, "KEPT", kept)
    radius = int(np.ceil(4 * sigma))
    for plane, found in zip(PICTURE.numpy(), planes.gaussian_mean(PICTURE, sigma), strict=True):
        image, ones = (
            scipy.ndimage.gaussian_filter(x, sigma, mode="constant", radius=radius)
            for x in (plane, np.ones_like(plane))
        )
        np.testing.assert_allclose(found, image / ones, atol=1e-13)


@pytest.mark.parametrize("radius", [1, 5, 30])
def test_windows_against_loops(radius):
    sums, counts = planes.window_sum(PICTURE, radius - 1, radius)
    for y, x in ((0, 0), (3, 25), (18, 12)):
        part = PICTURE[:, max(0, y - radius + 1) : y + radius + 1, max(0, x - radius + 1) : x + radius + 1]
        torch.testing.assert_close(sums[:, y, x], part.sum((1, 2)))
        assert counts[y, x] == part[0].numel()
    ones, box = (
        scipy.ndimage.uniform_filter(plane, 2 * radius + 1, mode="constant")
        for plane in (np.ones((19, 26)), PICTURE[0].numpy())
    )
    np.testing.assert_allclose(planes.box_mean(PICTURE, radius)[0], box / ones, atol=1e-12)


def test_ranges():
    maps = torch.tensor([[[-1.0, 3.0]], [[2.0, 2.0]], [[-2.0, -1.0]]], dtype=torch.float64)
    assert planes.unit_range(maps).tolist() == [[[0.0, 1.0]], [[0.0, 0.0]], [[0.0, 1.0]]]
    assert planes.unit_peak(maps)[:, 0].tolist() == [[-1 / 3, 1.0], [1.0, 1.0], [-2.0, -1.0]]


def test_pad_edge():
    assert np.array_equal(
        planes.pad_edge(PICTURE, 3), np.pad(PICTURE.numpy(), ((0, 0), (3, 3), (3, 3)), "edge")
    )
