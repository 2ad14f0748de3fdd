"""Centre–surround against scipy and OpenCV."""

import numpy as np
import pytest
import scipy.ndimage
import torch

from pyxai import saliency
from tests.saliency.pictures import TURNS, photographs, tensor


def clipped_mean(plane, smooth):
    """A mean over what of the window lies inside."""
    inside = smooth(np.ones_like(plane))
    return smooth(plane) / inside


@pytest.mark.parametrize("size", [(40, 50), (9, 70), (1, 30)])
@pytest.mark.parametrize("radius", [1, 8, 20])
def test_box_against_scipy(size, radius):
    images = torch.rand(2, 3, *size, dtype=torch.float64)
    found = saliency.centre_surround(images, radius=radius)

    def smooth(plane):
        return scipy.ndimage.uniform_filter(plane, 2 * radius + 1, mode="constant")

    for image, ours in zip(images.numpy(), found, strict=True):
        expected = np.mean([np.abs(plane - clipped_mean(plane, smooth)) for plane in image], 0)
        np.testing.assert_allclose(ours, expected, atol=1e-12)


@pytest.mark.parametrize("size", [(40, 50), (400, 9), (5, 901)])
def test_gaussian_against_scipy(size):
    """One matrix a side up to 362 pixels; longer sides in stretches."""
    images = torch.rand(2, 3, *size, dtype=torch.float64)
    found = saliency.centre_surround(images, radius=10, window="gaussian")

    def smooth(plane):
        return scipy.ndimage.gaussian_filter(plane, 5, mode="constant", truncate=4)

    for image, ours in zip(images.numpy(), found, strict=True):
        expected = np.mean([np.abs(plane - clipped_mean(plane, smooth)) for plane in image], 0)
        np.testing.assert_allclose(ours, expected, atol=1e-12)


def test_scales_are_averaged():
    images = torch.rand(2, 3, 40, 50)
    several = saliency.centre_surround(images, radius=(4, 8))
    single = [saliency.centre_surround(images, radius=radius) for radius in (4, 8)]
    torch.testing.assert_close(several, sum(single) / 2)
    torch.testing.assert_close(saliency.centre_surround(images, radius=(4.0, 8.0)), several)


@pytest.mark.parametrize("turn", TURNS)
def test_gaussian_turns_with_the_image(turn):
    """Its weights are no whole numbers, so sums in another order differ by float64's rounding."""
    for images in (tensor(photographs(), torch.float64), torch.rand(1, 1, 400, 30, dtype=torch.float64)):
        maps, turned = (
            saliency.centre_surround(x.contiguous(), window="gaussian") for x in (images, turn(images))
        )
        torch.testing.assert_close(turned, turn(maps), rtol=0, atol=1e-14)


@pytest.mark.parametrize("turn", TURNS)
def test_box_turns_with_large_pictures_exactly(turn):
    """Float32 pixels of 8 bits: at the bound of 2^22 pixels for window times side, the sums are exact."""
    (image,) = torch.randint(0, 256, (1, 1, 1, 2048, 40), dtype=torch.uint8) / 255
    image[..., :1024, :] = 1.0
    maps, turned = (saliency.centre_surround(x.contiguous(), radius=1023) for x in (image, turn(image)))
    assert torch.equal(turned, turn(maps))


@pytest.mark.parametrize("size", [(120, 160), (280, 360), (40, 30), (30, 1), (1, 30), (5, 7)])
def test_fine_grained_against_opencv(size):
    """Everywhere but where a quotient, which OpenCV rounds to float32, lies on the edge of a level."""
    cv2 = pytest.importorskip("cv2")
    pixels = photographs(*size)
    peer = cv2.saliency.StaticSaliencyFineGrained_create()
    maps = np.stack([peer.computeSaliency(p[..., ::-1].copy())[1] for p in pixels])
    maps = maps.reshape(len(pixels), *size)
    largest = maps.max((1, 2), keepdims=True)
    maps = maps / np.where(largest > 0, largest, 1)
    difference = np.abs(saliency.fine_grained(tensor(pixels)).numpy() - maps)
    assert difference.max() < 1.01 / 255 and (difference > 1e-6).mean() < 1e-4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"radius": 0}, "`radius` must be a positive whole number, got 0"),
        ({"radius": (4, 2.5)}, "`radius` must be a positive whole number, got 2.5"),
        ({"radius": ()}, r"`radius` must have at least one scale, got \(\)"),
        ({"window": "disk"}, "`window` must be one of 'box', 'gaussian', got 'disk'"),
    ],
)
def test_messages(options, message):
    with pytest.raises(ValueError, match=f"^centre_surround: {message}"):
        saliency.centre_surround(torch.rand(1, 3, 8, 8), **options)
