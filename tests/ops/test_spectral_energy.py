"""The smoothed energy of complex planes against scipy."""

import numpy as np
import pytest
import scipy.ndimage
import torch

from pyxai.ops import spectral_energy
from pyxai.testing import ops, run, sample_inputs


def test_bitwise_equal_to_reference_on_cpu(dtype):
    if dtype == torch.float64:
        pytest.skip("torch's square root is an ulp off at times")
    (op,) = (op for op in ops() if op.name == "spectral_energy")
    for args in sample_inputs(op, dtype=dtype, shape=(33, 35)):
        assert torch.equal(run(op.call, args)[0], run(op.reference, args)[0])


@pytest.mark.parametrize("size", [(1, 1), (1, 6), (7, 1), (2, 2), (8, 9), (9, 8), (70, 33)])
@pytest.mark.parametrize("opencv", [False, True])
def test_against_scipy(size, opencv):
    random = np.random.default_rng(0)
    field = random.normal(size=(2, *size)) + 1j * random.normal(size=(2, *size))
    taps = np.array([1, 4, 6, 4, 1]) / 16
    found = spectral_energy(torch.view_as_real(torch.from_numpy(field)), torch.from_numpy(taps), opencv)
    for plane, ours in zip(field, found.numpy(), strict=True):
        magnitude = np.abs(plane) if opencv else np.abs(plane) ** 2
        if min(size) >= 3 or not opencv:  # scipy mirrors a shorter side several times
            mode = "mirror" if opencv else "constant"
            for axis in (0, 1):
                magnitude = scipy.ndimage.correlate1d(magnitude, taps, axis, mode=mode)
            np.testing.assert_allclose(ours, magnitude**2 if opencv else magnitude, rtol=1e-12)


@pytest.mark.parametrize(
    ("shape", "taps", "message"),
    [
        ((1, 4, 4, 2), 4, "`taps` must have odd length, got 4"),
        ((1, 4, 4), 3, r"`field` must have shape \(N, H, W, 2\), got \(1, 4, 4\)"),
    ],
)
def test_messages(shape, taps, message):
    with pytest.raises(ValueError, match=f"^spectral_energy: {message}"):
        spectral_energy(torch.zeros(shape), torch.ones(taps), False)
