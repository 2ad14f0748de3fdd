"""The wavelet transform against PyWavelets, its transpose, and its layout against pytorch-wavelets."""

import itertools

import numpy as np
import pytest
import pywt
import torch

from pyxai.ops import PADDINGS, dwt, idwt, wavelet_layout
from tests import wavelets_shim

# fmt: off
WAVELETS = [
    "haar", "db2", "db3", "db4", "db5", "db7", "db10", "db20", "db38", "sym2", "sym5", "sym8", "sym20",
    "coif1", "coif5", "bior2.2", "bior4.4", "bior6.8", "rbio3.3", "dmey",
]
# fmt: on
TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-6}


def filters(wavelet, way, dtype=torch.float64):
    w = pywt.Wavelet(wavelet)
    pair = (w.dec_lo, w.dec_hi) if way == "dec" else (w.rec_lo, w.rec_hi)
    return torch.tensor(pair, dtype=dtype)


def pywavelets(x, wavelet, padding, levels):
    """PyWavelets' coefficients as one row a plane."""
    low, *details = pywt.wavedec2(x.double().numpy(), wavelet, padding, levels)
    planes = [low, *(plane for level in details for plane in level)]
    return torch.from_numpy(np.concatenate([plane.reshape(*x.shape[:2], -1) for plane in planes], -1))


def pywavelets_back(x, wavelet, padding, levels):
    """PyWavelets' coefficients and back, in float64."""
    coefficients = pywt.wavedec2(x.double().numpy(), wavelet, padding, levels)
    return torch.from_numpy(pywt.waverec2(coefficients, wavelet))[..., : x.shape[-2], : x.shape[-1]]


@pytest.mark.filterwarnings(
    "ignore:Level value"
)  # more levels than PyWavelets advises: the sums are the same
@pytest.mark.parametrize("wavelet", WAVELETS)
@pytest.mark.parametrize("precision", TOLERANCE, ids=str)
def test_against_pywavelets(wavelet, precision):
    """20 wavelets × 4 paddings × 1 to 5 levels × odd and even sides: coefficients, and pixels back."""
    images = {
        size: torch.rand(1, 2, *size, dtype=precision) for size in ((64, 64), (71, 64), (50, 85), (77, 79))
    }
    for padding, levels, (size, x) in itertools.product(PADDINGS, range(1, 6), images.items()):
        ours = dwt(x, filters(wavelet, "dec", precision), levels, padding)
        theirs = pywavelets(x, wavelet, padding, levels)
        assert ours.shape == theirs.shape
        assert (ours - theirs).abs().max() <= TOLERANCE[precision] * theirs.abs().max()
        back = idwt(ours, filters(wavelet, "rec", precision), levels, *size)
        # some taps are published to fewer digits: PyWavelets comes back no nearer
        error = (pywavelets_back(x, wavelet, padding, levels) - x).abs().max()
        assert (back - x).abs().max() <= max(TOLERANCE[precision] * theirs.abs().max(), 4 * error)


def test_inverse_against_pywavelets():
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


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("taps", [2, 6, 10])
@pytest.mark.parametrize("size", [(16, 16), (13, 18), (3, 2), (1, 7)])
def test_transpose(padding, taps, size):
    """<A x, y> = <x, Aᵀ y> for filters of no wavelet, both ways."""
    pair = torch.randn(2, taps, dtype=torch.float64)
    x = torch.randn(2, 3, *size, dtype=torch.float64, requires_grad=True)
    forward = dwt(x, pair, 2, padding)
    y = torch.randn_like(forward, requires_grad=True)
    (pulled,) = torch.autograd.grad(forward, x, y.detach())
    assert torch.allclose((forward * y).sum(), (x * pulled).sum(), rtol=1e-12)
    back = idwt(y, pair, 2, *size)
    (pulled,) = torch.autograd.grad(back, y, x.detach())
    assert torch.allclose((back * x).sum(), (y * pulled).sum(), rtol=1e-12)


@pytest.mark.parametrize("padding", PADDINGS)
def test_gradcheck(padding):
    x = torch.randn(1, 1, 5, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: dwt(x, filters("db2", "dec"), 2, padding), x)
    y = dwt(x, filters("db2", "dec"), 2, padding).detach().requires_grad_()
    assert torch.autograd.gradcheck(lambda y: idwt(y, filters("db2", "rec"), 2, 5, 6), y)


def test_layout_of_pytorch_wavelets():
    """Coefficients go over to pytorch-wavelets and back."""
    wavelets_shim.install()
    theirs = pytest.importorskip("pytorch_wavelets")
    x = torch.rand(2, 3, 64, 51)
    yl, yh = theirs.DWTForward(J=3, wave="db3", mode="zero")(x)
    ours = dwt(x, filters("db3", "dec", torch.float32), 3, "zero")
    layout = wavelet_layout(64, 51, 3, 6)
    low, details = layout.split(ours)
    torch.testing.assert_close(low, yl, atol=1e-5, rtol=0)
    for one, other in zip(details, yh, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=0)
    assert torch.equal(layout.join(low, details), ours)
    back = theirs.DWTInverse(wave="db3", mode="zero")((low, [part.contiguous() for part in details]))
    torch.testing.assert_close(back[..., :51], x, atol=1e-5, rtol=0)


def test_no_levels_leave_the_pixels():
    x = torch.rand(2, 3, 4, 5)
    assert torch.equal(dwt(x, torch.rand(2, 2), 0), x.flatten(2))
    assert torch.equal(idwt(x.flatten(2), torch.rand(2, 2), 0, 4, 5), x)


def test_number_of_coefficients():
    """Those of the CartoonX paper's setting, 256² pixels, db3, five scales."""
    layout = wavelet_layout(256, 256, 5, 6)
    assert layout.size == 69831
    assert [rows for rows, _ in layout.planes] == [256, 130, 67, 36, 20, 12]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x, f: dwt(x, f[:1], 1), r"dwt: `filters` must have shape \(2, F\), F even, got \(1, 6\)"),
        (lambda x, f: dwt(x, f[:, :5], 1), "dwt: `filters` must have shape"),
        (lambda x, f: dwt(x, f, -1), "dwt: `levels` must be a whole number from 0 to 30, got -1"),
        (lambda x, f: dwt(x, f, 1, "mirror"), "dwt: `padding` must be one of zero, symmetric"),
        (lambda x, f: dwt(x[..., :0], f, 1), "dwt: `images` must have at least one pixel"),
        (
            lambda x, f: idwt(x.flatten(2), f, 1, 4, 5),
            r"idwt: `coefficients` must have shape \(N, C, 80\), got",
        ),
        (lambda x, f: idwt(x.flatten(2), f, 0, 4, 0), "idwt: `width` must be positive, got 0"),
    ],
)
def test_messages(call, message):
    with pytest.raises(ValueError, match=message):
        call(torch.zeros(1, 1, 4, 5), torch.zeros(2, 6))
