"""Spectral saliency against OpenCV and against whole-plane transforms in numpy, float64."""

import math

import numpy as np
import pytest
import scipy.ndimage
import torch

from pyxai import saliency
from pyxai.saliency.planes import resize
from tests.saliency.pictures import photographs, tensor


def grey(pixels):
    return pixels @ np.array([0.299, 0.587, 0.114]) / 255


def expected(plane, residual):
    """The definition, written out: numpy's complex transforms and scipy's filters."""
    spectrum = np.fft.fft2(plane)
    log = np.log(np.maximum(np.abs(spectrum), 1 / 255))
    kept = log - scipy.ndimage.uniform_filter(log, 3, mode="nearest") if residual else 0
    energy = np.abs(np.fft.ifft2(np.exp(kept + 1j * np.angle(spectrum)))) ** 2
    return scipy.ndimage.gaussian_filter(energy, 2.5, radius=5, mode="constant")


def from_0_to_1(maps):
    low, high = maps.min((1, 2), keepdims=True), maps.max((1, 2), keepdims=True)
    return (maps - low) / (high - low)


@pytest.mark.parametrize("precision", [torch.float64, torch.float32])
@pytest.mark.parametrize("method", ["spectral_residual", "phase"])
def test_against_numpy(method, precision):
    pixels = photographs()
    found = getattr(saliency, method)(tensor(pixels, precision))
    working = resize(torch.from_numpy(grey(pixels)), 48, 64).numpy()
    maps = np.stack([expected(plane, method == "spectral_residual") for plane in working])
    assert found.dtype == precision
    enlarged = resize(torch.from_numpy(maps), 120, 160).numpy()
    np.testing.assert_allclose(found, from_0_to_1(enlarged), atol=1e-6)


def test_against_numpy_at_the_images_own_size():
    pixels = photographs()
    found = saliency.spectral_residual(tensor(pixels, torch.float64), size=None)
    maps = np.stack([expected(grey(p), True) for p in pixels])
    np.testing.assert_allclose(found, from_0_to_1(maps), atol=1e-6)
    # float32 loses digits where the amplitude is a millionth of the largest
    single = saliency.spectral_residual(tensor(pixels), size=None)
    np.testing.assert_allclose(single, found, atol=1e-3)


@pytest.mark.parametrize("size", [(120, 160), (64, 64), (40, 33), (33, 40), (5, 7), (1, 9)])
@pytest.mark.parametrize("channels", [1, 3])
def test_against_opencv(size, channels):
    cv2 = pytest.importorskip("cv2")
    pixels = photographs()[:, : size[0], : size[1], :channels]
    peer = cv2.saliency.StaticSaliencySpectralResidual_create()
    maps = [
        peer.computeSaliency(np.ascontiguousarray(p[..., ::-1] if channels == 3 else p[..., 0]))[1]
        for p in pixels
    ]
    found = saliency.spectral_residual(tensor(pixels), variant="opencv")
    np.testing.assert_allclose(found, np.stack(maps).reshape(found.shape), atol=1e-3)


def test_opencv_picture_is_bit_equal():
    cv2 = pytest.importorskip("cv2")
    from pyxai.saliency.spectral import _opencv_picture

    for height, width in ((120, 160), (64, 64), (33, 100), (1, 7)):
        pixels = photographs()[:, :height, :width]
        found = _opencv_picture(tensor(pixels), 64, "grey")
        for plane, ours in zip(pixels, found, strict=True):
            levels = cv2.cvtColor(np.ascontiguousarray(plane[..., ::-1]), cv2.COLOR_BGR2GRAY)
            small = cv2.resize(levels, (64, 64), interpolation=cv2.INTER_LINEAR_EXACT)
            assert np.array_equal(small, ours.numpy())


@pytest.mark.parametrize("method", [saliency.spectral_residual, saliency.phase])
def test_small_pictures_do_not_show_their_border(method):
    """Enlarged to 64 pixels, these have 1.8 to 6.7 times as much at the border as inside."""
    small = resize(tensor(photographs(256, 256)).flatten(0, 1), 32, 32).view(4, 3, 32, 32)
    maps = method(small)
    inside = maps[:, 2:-2, 2:-2]
    border = (maps.sum((1, 2)) - inside.sum((1, 2))) / (32**2 - 28**2)
    assert (border < 1.5 * inside.mean((1, 2))).all()


def test_mean_is_the_mean_of_the_channels():
    images = tensor(photographs())
    whole = saliency.spectral_residual(images, channels="mean")
    channels = [saliency.spectral_residual(images[:, c : c + 1]) for c in range(3)]
    torch.testing.assert_close(whole, sum(channels) / 3)


def test_a_spot_is_found():
    images = torch.full((1, 1, 96, 96), 0.5)
    images += 0.1 * torch.sin(torch.arange(96) * 0.8)  # a grating has a regular spectrum
    images[0, 0, 30:36, 60:66] = 0.9
    for method in (saliency.spectral_residual, saliency.phase):
        y, x = divmod(int(method(images).argmax()), 96)
        assert abs(y - 33) < 6 and abs(x - 63) < 6


def test_spectra():
    height, width = 16, 24
    wave = torch.cos(2 * math.pi * 3 * torch.arange(width) / width)
    image = (0.5 + 0.25 * wave).expand(1, 1, height, width).double()
    amplitude = saliency.amplitude_spectrum(image)[0].expm1()
    assert amplitude[height // 2, width // 2] == pytest.approx(0.5 * height * width)
    for side in (-3, 3):
        assert amplitude[height // 2, width // 2 + side] == pytest.approx(0.125 * height * width)
    assert amplitude.sum() == pytest.approx(0.75 * height * width)
    turned = saliency.phase_spectrum(image.roll(2, 3))[0] - saliency.phase_spectrum(image)[0]
    assert turned[height // 2, width // 2 + 3] == pytest.approx(-2 * math.pi * 3 * 2 / width)
    frequency, mean = saliency.radial_amplitude(image)
    assert frequency[mean[0].argmax()] == pytest.approx(3 / width)


SPECTRA = [saliency.amplitude_spectrum, saliency.phase_spectrum, saliency.radial_amplitude]


@pytest.mark.parametrize("spectrum", SPECTRA)
@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        (np.zeros((1, 3, 4, 4)), TypeError, "be a torch.Tensor, got ndarray"),
        (torch.zeros(1, 4, 4, 4), ValueError, "have 1 or 3 channels, and no transparency, got 4"),
        (torch.full((1, 3, 4, 4), 1.5), ValueError, r"lie in \[0, 1\], got 1.5 to 1.5"),
        (torch.full((1, 3, 4, 4), torch.nan), ValueError, r"lie in \[0, 1\], got nan to nan"),
    ],
)
def test_spectra_refuse(spectrum, images, error, message):
    with pytest.raises(error, match=f"^{spectrum.__name__}: `images` must {message}"):
        spectrum(images)


@pytest.mark.parametrize("size", [(1, 1), (1, 2), (1, 9), (8, 1), (5, 6)])
def test_spectra_of_odd_sizes_and_dtypes(size):
    images = torch.rand(2, 3, *size)
    plane = (images * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1).numpy()
    for dtype, tolerance in ((torch.float32, 1e-5), (torch.bfloat16, 0.1)):
        amplitude = saliency.amplitude_spectrum(images.to(dtype))
        assert amplitude.dtype == saliency.phase_spectrum(images.to(dtype)).dtype == torch.float32
        whole = np.abs(np.fft.fft2(plane))
        np.testing.assert_allclose(amplitude, np.fft.fftshift(np.log1p(whole), (1, 2)), atol=tolerance)
        frequency, mean = saliency.radial_amplitude(images.to(dtype))
        longer = max(size)
        y, x = (np.fft.fftfreq(side) for side in size)
        ring = np.rint(np.hypot(y[:, None], x) * longer)
        expected = [whole[:, ring == number].mean(1) for number in range(1, longer // 2 + 1)]
        np.testing.assert_allclose(frequency, np.arange(1, longer // 2 + 1) / longer, rtol=1e-6)
        np.testing.assert_allclose(mean, np.reshape(expected, (-1, 2)).T, atol=tolerance)


def test_photographs_fall_like_one_over_frequency():
    frequency, amplitude = saliency.radial_amplitude(tensor(photographs(220, 220)))
    band = (frequency > 0.02) & (frequency < 0.4)
    slope = np.polyfit(frequency[band].log(), amplitude[:, band].log().mean(0), 1)[0]
    assert -2 < slope < -0.8


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"variant": "matlab"}, "`variant` must be one of 'paper', 'opencv', got 'matlab'"),
        ({"size": 1}, "`size` must be a whole number of at least 2, got 1"),
        ({"size": 64.0}, "`size` must be a whole number of at least 2, got 64.0"),
        ({"sigma": 0}, "`sigma` must be a positive number, got 0"),
        ({"channels": "red"}, "`channels` must be one of 'grey', 'mean', got 'red'"),
    ],
)
def test_messages(options, message):
    with pytest.raises(ValueError, match=f"^spectral_residual: {message}"):
        saliency.spectral_residual(torch.rand(1, 3, 8, 8), **options)
