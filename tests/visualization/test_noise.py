"""The strength and the spectra of the fractal noise pyramid, before colour and sigmoid."""

import math

import numpy as np
import pytest
import torch

from pyxai import ops
from pyxai.visualization.noise import fractal_amplitudes, fractal_noise

# Standard deviations of the levels at 224², from simulations with numpy's transform.
STRENGTH = (3.05, 1.82, 1.11, 0.69, 0.45, 0.30)


def raw_planes(side, count, first=0):
    """(count, 6, 3, side, side) float64: colour is left out, and the sigmoid taken back."""
    ids = torch.arange(first, first + count)
    amplitudes = fractal_amplitudes(side, side)
    one = torch.eye(3, dtype=torch.float64)
    found = ops.fractal_noise_pyramid(
        ids, torch.zeros_like(ids), amplitudes, one, 0, side, False, torch.float64
    )
    return torch.logit(found)


@pytest.mark.parametrize("side", [64, *(pytest.param(side, marks=pytest.mark.slow) for side in (128, 224))])
def test_every_size_is_as_strong_as_224(side):
    images = 670  # of three planes each
    at_a_time = max(1, 2**21 // side**2 // 18)
    squares, planes = torch.zeros(6, dtype=torch.float64), 0
    for first in range(0, images, at_a_time):
        raw = raw_planes(side, min(at_a_time, images - first), first)
        squares += raw.square().mean((0, 2, 3, 4)) * len(raw)
        planes += 3 * len(raw)
    assert planes >= 2000
    np.testing.assert_allclose((squares / images).sqrt(), STRENGTH, rtol=0.03)


@pytest.mark.parametrize("side", [64, pytest.param(224, marks=pytest.mark.slow)])
def test_spectra_fall_off_with_their_power(side):
    """The slope of log amplitude by log frequency is -p / 2; p = 3 - d / D."""
    spectra = torch.fft.rfft2(raw_planes(side, 24))[..., 1:-1].abs()
    rows, columns = torch.fft.fftfreq(side), torch.fft.rfftfreq(side)[1:-1]
    frequency = torch.hypot(rows[:, None], columns).double().flatten().log()
    for level in range(6):
        amplitude = spectra[:, level].log().mean((0, 1)).flatten()
        slope = np.polyfit(frequency, amplitude, 1)[0]
        assert slope == pytest.approx(-(3 - level / 5) / 2, abs=0.05)


def test_at_224_nothing_is_normalised():
    """There the scale is that of the paper's code: √(W H) / 4 before a transform that divides by W H."""
    found = fractal_amplitudes(224, 224) * 224**2
    for d, level in enumerate(found):
        frequency = np.hypot(np.fft.fftfreq(224)[:, None], np.fft.rfftfreq(224)).clip(1 / 224)
        expected = (0.2 - d / 100) * 224 / 4 * frequency ** (-(3 - d / 5) / 2)
        np.testing.assert_allclose(level, expected, rtol=1e-12)


def test_a_single_level_is_that_of_the_ablation():
    """σ = 0.19 and p = 3, where the pyramid's first level has σ = 0.2."""
    single, first = fractal_amplitudes(40, 61, None), fractal_amplitudes(40, 61, 0)
    torch.testing.assert_close(single, 0.95 * first, rtol=1e-12, atol=0)


def test_oblong_pictures_have_the_strength_too():
    amplitudes = fractal_amplitudes(40, 61)
    ids = torch.arange(300)
    one = torch.ones(1, 1, dtype=torch.float64)
    raw = torch.logit(ops.fractal_noise_pyramid(ids, ids * 0, amplitudes, one, 0, 61, False, torch.float64))
    np.testing.assert_allclose(raw.square().mean((0, 2, 3, 4)).sqrt(), STRENGTH, rtol=0.1)


@pytest.mark.parametrize("depth", [0, 1, 5])
def test_noise_of_pictures(depth):
    ids = torch.tensor([3, 4])
    found = fractal_noise(ids, 7, (3, 16, 20), depth=depth, seed=1)
    assert found.shape == (2, depth + 1, 3, 16, 20) and found.dtype == torch.float32
    assert float(found.min()) > 0 and float(found.max()) < 1
    assert torch.equal(found[1:], fractal_noise(ids[1:], 7, (3, 16, 20), depth=depth, seed=1))
    assert not torch.equal(found, fractal_noise(ids, 8, (3, 16, 20), depth=depth, seed=1))
    assert fractal_noise(ids, 0, (1, 16, 20), depth=depth).shape == (2, depth + 1, 1, 16, 20)


def test_channels_of_colour_pictures_vary_together_and_others_do_not():
    ids = torch.arange(100)
    for channels, together in ((3, True), (2, False)):
        raw = torch.logit(fractal_noise(ids, 0, (channels, 8, 8), dtype=torch.float64))[:, 0, :, 0, 0]
        assert (abs(np.corrcoef(raw.T)[0, 1]) > 0.7) == together


def test_messages():
    with pytest.raises(ValueError, match="`depth` must not be negative, got -1"):
        fractal_amplitudes(8, 8, -1)
    with pytest.raises(ValueError, match="`height` must be positive, got 0"):
        fractal_amplitudes(0, 8)
    assert math.isfinite(float(fractal_amplitudes(1, 1).sum()))
