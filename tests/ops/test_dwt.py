"""The wavelet transform against PyWavelets, its transpose, and its layout against pytorch-wavelets."""

import itertools

import numpy as np
import pytest
import pywt
import torch

from pyxai.ops import PADDINGS, dwt, wavelet_layout
from tests import wavelets_shim
from tests.ops.wavelets import TOLERANCE, WAVELETS, filters


def pywavelets(x, wavelet, padding, levels):
    """PyWavelets' coefficients as one row a plane."""
    low, *details = pywt.wavedec2(x.double().numpy(), wavelet, padding, levels)
    planes = [low, *(plane for level in details for plane in level)]
    return torch.from_numpy(np.concatenate([plane.reshape(*x.shape[:2], -1) for plane in planes], -1))


@pytest.mark.filterwarnings(
    "ignore:Level value"
)  # more levels than PyWavelets advises: the sums are the same
@pytest.mark.parametrize("wavelet", WAVELETS)
@pytest.mark.parametrize("precision", TOLERANCE, ids=str)
def test_against_pywavelets(wavelet, precision):
    """20 wavelets × 4 paddings × 1 to 5 levels × odd and even sides."""
    images = [torch.rand(1, 2, *size, dtype=precision) for size in ((64, 64), (71, 64), (50, 85), (77, 79))]
    for padding, levels, x in itertools.product(PADDINGS, range(1, 6), images):
        ours = dwt(x, filters(wavelet, "dec", precision), levels, padding)
        theirs = pywavelets(x, wavelet, padding, levels)
        assert ours.shape == theirs.shape
        assert (ours - theirs).abs().max() <= TOLERANCE[precision] * theirs.abs().max()


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("taps", [2, 6, 10])
@pytest.mark.parametrize("size", [(16, 16), (13, 18), (3, 2), (1, 7)])
def test_transpose(padding, taps, size):
    """<A x, y> = <x, Aᵀ y> for filters of no wavelet."""
    pair = torch.randn(2, taps, dtype=torch.float64)
    x = torch.randn(2, 3, *size, dtype=torch.float64, requires_grad=True)
    forward = dwt(x, pair, 2, padding)
    y = torch.randn_like(forward)
    (pulled,) = torch.autograd.grad(forward, x, y)
    assert torch.allclose((forward * y).sum(), (x * pulled).sum(), rtol=1e-12)


@pytest.mark.parametrize("padding", PADDINGS)
def test_gradcheck(padding):
    x = torch.randn(1, 1, 5, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: dwt(x, filters("db2", "dec"), 2, padding), x)


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
    ],
)
def test_messages(call, message):
    with pytest.raises(ValueError, match=message):
        call(torch.zeros(1, 1, 4, 5), torch.zeros(2, 6))
