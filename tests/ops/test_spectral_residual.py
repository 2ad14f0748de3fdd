"""Spectra with their spectral residual against numpy and scipy, which transform whole planes."""

import numpy as np
import pytest
import scipy.ndimage
import torch

from pyxai.ops import spectral_residual
from pyxai.testing import ops, run, sample_inputs

SIZES = [(1, 1), (1, 6), (7, 1), (2, 2), (8, 9), (9, 8), (70, 33)]
BORDER = {
    False: "nearest",
    True: "mirror",
}  # scipy names


def test_bitwise_equal_to_reference_on_cpu(dtype):
    if dtype == torch.float64:
        pytest.skip("torch's square root is an ulp off at times")
    (op,) = (op for op in ops() if op.name == "spectral_residual")
    for args in sample_inputs(op, dtype=dtype, shape=(33, 35)):
        assert torch.equal(run(op.call, args)[0], run(op.reference, args)[0])


def half_spectrum(planes):
    return torch.view_as_real(torch.fft.rfft2(torch.from_numpy(planes)))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("opencv", [False, True])
def test_against_whole_planes(size, opencv):
    planes = np.random.default_rng(0).uniform(0, 255 if opencv else 1, (3, *size))
    found = torch.view_as_complex(spectral_residual(half_spectrum(planes), size[1], opencv)).numpy()
    for plane, ours in zip(planes, found, strict=True):
        spectrum = np.fft.fft2(plane)
        amplitude = np.abs(spectrum)
        log = np.log(amplitude + 1 if opencv else np.maximum(amplitude, 1 / 255))
        residual = log - scipy.ndimage.uniform_filter(log, 3, mode=BORDER[opencv])
        np.testing.assert_allclose(ours, np.exp(residual + 1j * np.angle(spectrum)), rtol=1e-10, atol=1e-10)


def test_zero_coefficient_has_phase_zero():
    spectrum = torch.zeros(1, 4, 3, 2)
    assert torch.equal(torch.view_as_complex(spectral_residual(spectrum, 4, True)), torch.ones(1, 4, 4) + 0j)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: spectral_residual(torch.zeros(1, 4, 3, 2), 6, False), "`width` must be 4 or 5, got 6"),
        (
            lambda: spectral_residual(torch.zeros(1, 4, 3), 4, False),
            r"`spectrum` must have shape \(N, H, W, 2\)",
        ),
    ],
)
def test_messages(call, message):
    with pytest.raises(ValueError, match=message):
        call()
