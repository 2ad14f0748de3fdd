"""Residual blocks against their formulas, branch by branch."""

import pytest
import torch
import torch.nn.functional as F

from pyxai.dxai.blocks import InstanceNorm, ResidualBlock, StyledBlock, StyledNorm, beside, convolution, wide

X = torch.randn(2, 6, 8, 8, generator=torch.Generator().manual_seed(0))  # two branches of three channels


def test_branches_are_put_side_by_side():
    other = torch.randn(2, 4, 8, 8)
    found = beside(X, other, 2)
    wanted = torch.cat([X[:, :3], other[:, :2], X[:, 3:], other[:, 2:]], 1)
    assert torch.equal(found, wanted)


def test_a_convolution_keeps_branches_apart_and_the_size():
    layer = convolution(3, 5, 3, branches=2)
    whole = layer(X)
    assert whole.shape == (2, 10, 8, 8)
    alone = F.conv2d(X[:, 3:], layer.weight[5:], layer.bias[5:], padding=1)
    torch.testing.assert_close(whole[:, 5:], alone)


def test_instance_norm_is_torchs_in_float32():
    torch.testing.assert_close(InstanceNorm(6, affine=False)(X), F.instance_norm(X))
    assert InstanceNorm(6)(X.bfloat16().float()).dtype == torch.float32
    assert wide(X.bfloat16()).dtype == torch.float32 and wide(X.double()).dtype == torch.float64


@pytest.mark.parametrize("halve", [False, True])
def test_residual_block(halve):
    """The averages may be taken before the 1x1 convolution or behind it."""
    block = ResidualBlock(3, 4, 2, halve=halve)
    resize = (lambda x: F.avg_pool2d(x, 2)) if halve else (lambda x: x)
    y = resize(block.conv1(F.leaky_relu(block.norm1(X), 0.2)))
    y = block.conv2(F.leaky_relu(block.norm2(y), 0.2))
    torch.testing.assert_close(block(X.clone()), (resize(block.shortcut(X)) + y) / 2**0.5)


@pytest.mark.parametrize("double", [False, True])
def test_styled_block(double):
    block, style = StyledBlock(3, 4, 2, 5, double=double), torch.randn(2, 5)
    resize = (lambda x: F.interpolate(x, scale_factor=2.0)) if double else (lambda x: x)
    y = block.conv1(resize(F.leaky_relu(block.norm1(X, style), 0.2)))
    y = block.conv2(F.leaky_relu(block.norm2(y, style), 0.2))
    torch.testing.assert_close(block(X.clone(), style), (block.shortcut(resize(X)) + y) / 2**0.5)


def test_a_style_scales_and_shifts():
    norm, style = StyledNorm(5, 6), torch.randn(2, 5)
    gamma, beta = norm.affine(style)[..., None, None].chunk(2, 1)
    torch.testing.assert_close(norm(X, style), (1 + gamma) * F.instance_norm(X) + beta)
