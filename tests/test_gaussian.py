"""Gaussian windows against scipy's filters, at every kind of border that the package has."""

import math

import numpy as np
import pytest
import scipy.ndimage
import torch
import torch.nn.functional as F

from pyxai.gaussian import distances, window

IMAGE = torch.rand(23, 31, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("sigma", [0.4, 1.0, 3.3])
@pytest.mark.parametrize("reach", [1, 4, 9])
@pytest.mark.parametrize(("mode", "padding"), [("nearest", "replicate"), ("constant", "constant")])
def test_taps_are_a_filter_of_scipy(sigma, reach, mode, padding):
    """The caller continues the picture: by its border values, or by zero."""
    taps = window(torch.arange(-reach, reach + 1).double(), sigma)
    padded = F.pad(IMAGE[None, None], (reach,) * 4, padding)
    found = F.conv2d(F.conv2d(padded, taps.view(1, 1, 1, -1)), taps.view(1, 1, -1, 1))[0, 0]
    wanted = scipy.ndimage.gaussian_filter(IMAGE.numpy(), sigma, mode=mode, radius=reach)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-14)


@pytest.mark.parametrize("sigma", [0.4, 1.0, 3.3])
@pytest.mark.parametrize("reach", [2, 40, math.inf])
def test_a_matrix_of_windows_is_normalised_at_the_border(sigma, reach):
    """The mean over the pixels that are there: scipy's filter of the image by that of ones."""
    rows, columns = (window(distances(side), sigma, reach) for side in IMAGE.shape)
    found = rows @ IMAGE @ columns.T
    radius = int(min(reach, 60))
    image, ones = (
        scipy.ndimage.gaussian_filter(picture, sigma, mode="constant", radius=radius)
        for picture in (IMAGE.numpy(), np.ones(IMAGE.shape))
    )
    np.testing.assert_allclose(found, image / ones, rtol=0, atol=1e-14)


def test_distances_in_standard_deviations():
    """Another unit changes nothing but rounding."""
    torch.testing.assert_close(
        window(distances(20) / 2.5, reach=10 / 2.5), window(distances(20), 2.5, 10), rtol=1e-14, atol=0
    )


@pytest.mark.parametrize("precision", [torch.float32, torch.float64])
def test_weights(precision):
    weights = window(distances(12).to(precision), 2.0, 3)
    assert weights.dtype == precision
    assert torch.equal(weights > 0, distances(12).abs() <= 3)
    torch.testing.assert_close(weights.sum(1), torch.ones(12, dtype=precision))
    assert weights[5, 6] / weights[5, 5] == pytest.approx(math.exp(-1 / 8), rel=1e-6)
