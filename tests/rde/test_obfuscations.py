"""What stands in for coefficients: its mean, its spread, its blur."""

import scipy.ndimage
import torch

from pyxai import rde
from pyxai.rde.scene import scene
from tests.rde.toys import ENDS, SHAPE, pictures


def test_adaptive_noise():
    """Mean and unbiased standard deviation of each part of each image, over its channels."""
    wavelets, images = rde.Wavelets("db2", 2), pictures(2)
    h = wavelets.coefficients(images)
    parts = wavelets.parts(SHAPE)
    centre, spread = rde.Gaussian().prepare(images, h, wavelets)
    for i in range(2):
        for p, part in enumerate(h[i].split(parts, -1)):
            assert torch.allclose(centre[i, p], part.mean()) and torch.allclose(spread[i, p], part.std())
    made = scene(rde.Pixels(), rde.Gaussian(), pictures(1) * 0.5 + 0.25, torch.tensor([1]), 0, *ENDS)
    assert made.parts == (SHAPE[1] * SHAPE[2],)  # Pixel RDE: one set


def test_noise_on_fourier_coefficients_keeps_the_brightness():
    """A mean has no imaginary part to count: where the channels agree, that of the image comes back."""
    grey = 0.4 + 0.2 * torch.rand(2, 1, 6, 8, dtype=torch.float64).expand(2, 3, 6, 8)
    ends = torch.zeros(3).double(), torch.ones(3).double()
    made = scene(rde.Fourier(), rde.Gaussian(), grey, torch.arange(2), 0, *ends)
    nothing_kept = torch.zeros(2, made.size, dtype=torch.float64)
    rows = made.obfuscated(nothing_kept, torch.tensor([0, 1, 1]), torch.tensor([3, 4, 5]))
    assert ((rows > 0) & (rows < 1)).all()
    assert (rows.mean((1, 2, 3)) - grey.mean((1, 2, 3))[[0, 1, 1]]).abs().max() <= 1e-12
    assert ((rows - rows.mean((2, 3), keepdim=True)).flatten(1).std(1) > 0.02).all()


def test_blur_obfuscates_with_the_blurred_image():
    images = pictures(2)
    ends = torch.zeros(3).double(), torch.ones(3).double()
    made = scene(rde.Pixels(), rde.Blur(0.1), images, torch.arange(2), 0, *ends)
    nothing_kept = torch.zeros(2, made.size, dtype=torch.float64)
    blurred = made.obfuscated(nothing_kept, torch.tensor([1, 0]), torch.zeros(2, dtype=torch.int64))
    for row, image in zip(blurred, images.flip(0), strict=True):
        expected = scipy.ndimage.gaussian_filter(image.numpy(), (0, 2, 2), mode="nearest", radius=(0, 6, 6))
        assert abs(row.numpy() - expected).max() <= 1e-12
