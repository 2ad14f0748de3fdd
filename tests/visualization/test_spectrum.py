"""Frequencies and the power of planes against simulations with numpy."""

import numpy as np
import pytest
import torch

from pyxai.visualization.spectrum import frequencies, planes_power


@pytest.mark.parametrize("size", [(6, 8), (7, 9), (1, 4), (1, 1)])
def test_frequencies(size):
    found = frequencies(*size)
    expected = np.hypot(np.fft.fftfreq(size[0])[:, None], np.fft.rfftfreq(size[1]))
    expected[0, 0] = 1 / max(size)
    np.testing.assert_allclose(found, np.maximum(expected, 1 / max(size)))


@pytest.mark.parametrize("width", [8, 9])
def test_power_of_planes(width):
    """numpy takes from columns that are their own mirror image the part that a real plane has."""
    generator = np.random.default_rng(0)
    amplitudes = frequencies(6, width) ** -1
    shape = (20000, 6, width // 2 + 1)
    spectra = (generator.normal(size=shape) + 1j * generator.normal(size=shape)) * amplitudes.numpy()
    planes = np.fft.irfft2(spectra, (6, width), norm="forward")
    assert planes_power(torch.as_tensor(amplitudes), width) == pytest.approx((planes**2).mean(), rel=0.02)
