"""Perceptual colours against scikit-image."""

import numpy as np
import pytest
import torch

from pyxai.saliency.colour import lab


def test_against_scikit_image():
    colour = pytest.importorskip("skimage.color")
    images = torch.rand(2, 3, 9, 11, dtype=torch.float64)
    images[0, :, :3] *= 0.01  # where both curves are straight
    wanted = np.stack([colour.rgb2lab(image.permute(1, 2, 0).numpy()) for image in images])
    np.testing.assert_allclose(lab(images).permute(0, 2, 3, 1), wanted, atol=2e-4)


def test_grey_has_no_colour():
    grey = torch.linspace(0, 1, 30, dtype=torch.float64).view(1, 1, 5, 6)
    lightness, *colour = lab(grey)[0]
    assert lightness[0, 0] == pytest.approx(0, abs=1e-6) and lightness[-1, -1] == pytest.approx(100, abs=1e-3)
    assert max(float(plane.abs().max()) for plane in colour) < 0.01
    assert (lightness.flatten().diff() > 0).all()
