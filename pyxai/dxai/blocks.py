"""Residual blocks of the generator and the discriminator (StarGAN v2, Choi et al. 2020, with groups).

A feature of n branches is (N, n C, H, W), the C channels of the first branch first. Convolutions are grouped,
so branches never mix. Everything runs, and is fastest, in the channels-last memory format.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SLOPE = 0.2  # of every leaky ReLU


def convolution(inputs: int, outputs: int, kernel: int, branches: int = 1, bias: bool = True) -> nn.Conv2d:
    """A convolution that keeps the size, from ``inputs`` to ``outputs`` channels in each of the branches."""
    return nn.Conv2d(
        branches * inputs, branches * outputs, kernel, padding=kernel // 2, groups=branches, bias=bias
    )


def wide(x: Tensor) -> Tensor:
    """``x`` in float32 at least, to be summed."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


class InstanceNorm(nn.GroupNorm):
    """Instance normalisation in float32, with a scale and a shift for every channel unless told otherwise.

    As a group norm, which torch can do in the channels-last format, with groups of one channel by default.
    """

    def __init__(self, channels: int, affine: bool = True, groups: int | None = None):
        super().__init__(groups or channels, channels, affine=affine)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(wide(x))


def beside(first: Tensor, second: Tensor, branches: int) -> Tensor:
    """Concatenate two features branch by branch: (N, n A, H, W), (N, n B, H, W) -> (N, n (A + B), H, W)."""
    parts = [x.permute(0, 2, 3, 1).unflatten(3, (branches, -1)) for x in (first, second)]
    return torch.cat(parts, 4).flatten(3).permute(0, 3, 1, 2)


class ResidualBlock(nn.Module):
    """(norm, leaky ReLU, 3×3 convolution) twice plus a shortcut, over √2.

    Args:
        inputs, outputs: channels of each branch.
        branches: groups of every convolution.
        halve: average 2×2 pixels between the convolutions and in the shortcut.
        norm: instance normalisation (the generator's blocks have it, the discriminator's not).
    """

    def __init__(
        self, inputs: int, outputs: int, branches: int = 1, *, halve: bool = False, norm: bool = True
    ):
        super().__init__()
        self.norm1 = InstanceNorm(branches * inputs) if norm else nn.Identity()
        self.conv1 = convolution(inputs, inputs, 3, branches)
        self.norm2 = InstanceNorm(branches * inputs) if norm else nn.Identity()
        self.conv2 = convolution(inputs, outputs, 3, branches)
        same = inputs == outputs
        self.shortcut = nn.Identity() if same else convolution(inputs, outputs, 1, branches, bias=False)
        self.halve = halve
        self.in_place = norm  # what a norm gives out, nothing else reads

    def _resize(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(x, 2) if self.halve else x

    def forward(self, x: Tensor) -> Tensor:
        y = self._resize(self.conv1(F.leaky_relu(self.norm1(x), SLOPE, self.in_place)))
        y = self.conv2(F.leaky_relu(self.norm2(y), SLOPE, self.in_place))
        # Averaging and a 1×1 convolution commute; this way round it has a quarter of the pixels.
        return (self.shortcut(self._resize(x)) + y) / math.sqrt(2)


class StyledNorm(nn.Module):
    """Adaptive instance normalisation: (1 + γ) norm(x) + β, with γ and β linear in the style.

    One style serves all branches, so this layer alone is not grouped.
    """

    def __init__(self, style: int, channels: int):
        super().__init__()
        self.norm = InstanceNorm(channels, affine=False)
        self.affine = nn.Linear(style, 2 * channels)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        gamma, beta = wide(self.affine(style))[:, :, None, None].chunk(2, 1)
        return torch.addcmul(beta, self.norm(x), 1 + gamma)


class StyledBlock(nn.Module):
    """:class:`ResidualBlock` with adaptive normalisation; ``double`` repeats pixels 2×2 before convolving."""

    def __init__(self, inputs: int, outputs: int, branches: int, style: int, *, double: bool = False):
        super().__init__()
        self.norm1 = StyledNorm(style, branches * inputs)
        self.conv1 = convolution(inputs, outputs, 3, branches)
        self.norm2 = StyledNorm(style, branches * outputs)
        self.conv2 = convolution(outputs, outputs, 3, branches)
        same = inputs == outputs
        self.shortcut = nn.Identity() if same else convolution(inputs, outputs, 1, branches, bias=False)
        self.double = double

    def _resize(self, x: Tensor) -> Tensor:
        return F.interpolate(x, scale_factor=2.0, mode="nearest") if self.double else x

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        y = self.conv1(self._resize(F.leaky_relu(self.norm1(x, style), SLOPE, inplace=True)))
        y = self.conv2(F.leaky_relu(self.norm2(y, style), SLOPE, inplace=True))
        # A 1×1 convolution and the repetition commute; this way round it has a quarter of the pixels.
        return (self._resize(self.shortcut(x)) + y) / math.sqrt(2)
