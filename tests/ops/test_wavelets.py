"""The layout of wavelet coefficients, against PyWavelets' shapes."""

import pytest
import pywt
import torch

from pyxai.ops import _wavelets


@pytest.mark.parametrize("size", [(16, 16), (17, 23), (1, 9)])
@pytest.mark.parametrize("wavelet, levels", [("haar", 0), ("haar", 3), ("db3", 2)])
def test_layout_has_the_planes_of_pywavelets(size, wavelet, levels):
    layout = _wavelets.wavelet_layout(*size, levels, pywt.Wavelet(wavelet).dec_len)
    plane, planes = torch.zeros(size).numpy(), [size]
    for _ in range(levels):
        plane, _ = pywt.dwt2(plane, wavelet, mode="zero")
        planes.append(plane.shape)
    assert layout.planes == tuple(planes)
    assert layout.size == sum(layout.parts) and layout.parts[0] == plane.size


def test_split_is_undone_by_join():
    layout = _wavelets.wavelet_layout(9, 12, 2, 6)
    coefficients = torch.arange(2.0 * 3 * layout.size).reshape(2, 3, layout.size)
    low, details = layout.split(coefficients)
    assert low.shape == (2, 3, *layout.planes[2])
    assert [part.shape[2:] for part in details] == [(3, *layout.planes[1]), (3, *layout.planes[2])]
    assert torch.equal(layout.join(low, details), coefficients)


@pytest.mark.parametrize(
    "check, message",
    [
        (lambda: _wavelets.check_levels("op", 31), "`levels` must be a whole number from 0 to 30, got 31"),
        (
            lambda: _wavelets.check_levels("op", True),
            "`levels` must be a whole number from 0 to 30, got True",
        ),
        (
            lambda: _wavelets.check_filters("op", torch.zeros(2, 3), torch.zeros(1)),
            r"`filters` must have shape \(2, F\), F even, got \(2, 3\)",
        ),
        (
            lambda: _wavelets.check_size("op", torch.zeros(1, 1, 5), _wavelets.wavelet_layout(2, 2, 1, 2)),
            r"`coefficients` must have shape \(N, C, 4\), got \(1, 1, 5\)",
        ),
    ],
)
def test_messages(check, message):
    with pytest.raises(ValueError, match=f"^op: {message}"):
        check()
