"""The inverse wavelet transform against PyWavelets, and its transpose."""

import itertools

import numpy as np
import pytest
import pywt
import torch

from pyxai.ops import PADDINGS, dwt, idwt, wavelet_layout
from tests.ops.wavelets import TOLERANCE, WAVELETS, filters


def pywavelets_back(x, wavelet, padding, levels):
    """PyWavelets' coefficients and back, in float64."""
    coefficients = pywt.wavedec2(x.double().numpy(), wavelet, padding, levels)
    return torch.from_numpy(pywt.waverec2(coefficients, wavelet))[..., : x.shape[-2], : x.shape[-1]]


@pytest.mark.filterwarnings(
    "ignore:Level value"
)  # more levels than PyWavelets advises: the sums are the same
@pytest.mark.parametrize("wavelet", WAVELETS)
@pytest.mark.parametrize("precision", TOLERANCE, ids=str)
def test_gives_the_image_back(wavelet, precision):
    """20 wavelets × 4 paddings × 1 to 5 levels × odd and even sides."""
    images = [torch.rand(1, 2, *size, dtype=precision) for size in ((64, 64), (71, 64), (50, 85), (77, 79))]
    for padding, levels, x in itertools.product(PADDINGS, range(1, 6), images):
        coefficients = dwt(x, filters(wavelet, "dec", precision), levels, padding)
        back = idwt(coefficients, filters(wavelet, "rec", precision), levels, *x.shape[2:])
        # some taps are published to fewer digits: PyWavelets comes back no nearer
        error = (pywavelets_back(x, wavelet, padding, levels) - x).abs().max()
        assert (back - x).abs().max() <= max(TOLERANCE[precision] * coefficients.abs().max(), 4 * error)


def test_against_pywavelets():
    """Of any coefficients, not only of an image's."""
    for wavelet, levels, (height, width) in itertools.product(
        ("haar", "db3", "bior4.4", "coif5"), (1, 3), ((32, 32), (33, 47))
    ):
        taps = filters(wavelet, "rec")
        layout = wavelet_layout(height, width, levels, taps.shape[1])
        row = torch.randn(1, 1, layout.size, dtype=torch.float64)
        yl, yh = layout.split(row)
        theirs = pywt.waverec2(
            [yl[0, 0].numpy(), *(tuple(plane.numpy() for plane in level[0, 0]) for level in yh[::-1])],
            wavelet,
        )
        ours = idwt(row, taps, levels, height, width)[0, 0].numpy()
        np.testing.assert_allclose(ours, theirs[:height, :width], atol=1e-12 * abs(theirs).max())


@pytest.mark.parametrize("taps", [2, 6, 10])
@pytest.mark.parametrize("size", [(16, 16), (13, 18), (3, 2), (1, 7)])
def test_transpose(taps, size):
    """<A y, x> = <y, Aᵀ x> for filters of no wavelet."""
    pair = torch.randn(2, taps, dtype=torch.float64)
    layout = wavelet_layout(*size, 2, taps)
    y = torch.randn(2, 3, layout.size, dtype=torch.float64, requires_grad=True)
    back = idwt(y, pair, 2, *size)
    x = torch.randn_like(back)
    (pulled,) = torch.autograd.grad(back, y, x)
    assert torch.allclose((back * x).sum(), (y * pulled).sum(), rtol=1e-12)


def test_gradcheck():
    layout = wavelet_layout(5, 6, 2, 4)
    y = torch.randn(1, 1, layout.size, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda y: idwt(y, filters("db2", "rec"), 2, 5, 6), y)


def test_no_levels_leave_the_pixels():
    x = torch.rand(2, 3, 4, 5)
    assert torch.equal(idwt(x.flatten(2), torch.rand(2, 2), 0, 4, 5), x)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda x, f: idwt(x, f, 1, 4, 5),
            r"idwt: `coefficients` must have shape \(N, C, 80\), got",
        ),
        (lambda x, f: idwt(x, f, 0, 4, 0), "idwt: `width` must be positive, got 0"),
    ],
)
def test_messages(call, message):
    with pytest.raises(ValueError, match=message):
        call(torch.zeros(1, 1, 20), torch.zeros(2, 6))
