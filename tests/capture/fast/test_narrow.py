"""The block-wise transpose of a convolution equals autograd's, for every shape it is used for."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from pyxai.capture.fast.narrow import block_kernel, narrow_convolution


@given(
    kernel=st.integers(1, 7),
    stride=st.integers(1, 5),
    padding=st.integers(0, 3),
    channels=st.integers(1, 4),
    height=st.integers(7, 24),
    width=st.integers(7, 24),
)
def test_equals_autograd(kernel, stride, padding, channels, height, width):
    generator = torch.Generator().manual_seed(kernel * 100 + stride)
    stride, padding = min(stride, kernel), min(padding, kernel - 1)
    weight = torch.randn(5, channels, kernel, kernel, dtype=torch.float64, generator=generator)
    values = torch.randn(2, channels, height, width, dtype=torch.float64, generator=generator)
    values.requires_grad_(True)
    plain = F.conv2d(values, weight, None, stride, padding)
    ours = narrow_convolution(values, weight, None, *block_kernel(weight, stride, padding), stride, padding)
    cotangent = torch.randn(plain.shape, dtype=torch.float64, generator=generator)
    expected = torch.autograd.grad(plain, values, cotangent)[0]
    found = torch.autograd.grad(ours, values, cotangent)[0]
    assert torch.equal(plain, ours)
    assert float((expected - found).abs().max()) <= 1e-12 * float(cotangent.abs().max()) * kernel**2 * 5


@pytest.mark.parametrize("stride, taps, smallest", [(1, 8, -3), (2, 4, -1)])
def test_a_seven_by_seven_stem(stride, taps, smallest):
    kernel, first = block_kernel(torch.randn(64, 3, 7, 7), stride, 3)
    assert kernel.shape == (12, 64, taps, taps) and first == smallest
