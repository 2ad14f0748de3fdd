"""The networks of a decomposition: branched generator, mapping network, discriminator.

Kadar & Gilboa 2023, §3 and Tab. 7, in the form of their published code where the paper is silent.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pyxai.checks import expect, whole
from pyxai.dxai.blocks import SLOPE, InstanceNorm, ResidualBlock, StyledBlock, beside, convolution

STYLE = 64  # numbers of style for every block of the decoder
LATENT = 16  # of the mapping network's input
SMALLEST = 32  # pixels


def levels(size: int) -> int:
    """How often the generator halves images of ``size``² pixels: down to 16², or the next above."""
    return size.bit_length() - 5


def check_size(size: int) -> None:
    """``size`` is that of images the networks can take, else a :class:`ValueError`."""
    whole("size", size, SMALLEST)
    step = 2 ** levels(size)
    expect(size % step == 0, "size", f"be a multiple of {step} pixels", size)


class Encoded(NamedTuple):
    """What the encoder made of images: the bottleneck and the output of every level, finest first."""

    bottleneck: Tensor
    skips: list[Tensor]


class Generated(NamedTuple):
    """Branch images (N, n, C, H, W) and the features that the orthogonality loss compares, (N, n K, h, w)."""

    branches: Tensor
    features: list[Tensor]


class Generator(nn.Module):
    """n generators ψ_1 … ψ_n as one U-Net of grouped convolutions; the image is about Σ ψ_i.

    The encoder does not depend on the class, so one pass serves several classes: ``decode`` it repeatedly.

    Args:
        size: height and width of the images in pixels, at least 32 and a multiple of ``2 ** levels(size)``.
        branches: n, the first of which is the class-distinct one.
        channels: of the images, 3 or 1.
        width: channels of a branch at full resolution; doubled by every level.
        widest: its limit.
        input_norm: normalise the image, and every channel before the last layer, by instance, as published.
            It blinds the generator to every image's brightness and contrast. False, for classes that differ
            by colour, leaves out the first norm, and takes the last over a branch's channels together: the
            channels' means stay apart, and tanh, which about half of the values would saturate, does not.

    Raises:
        ValueError: for sizes and counts that do not fit.
    """

    def __init__(
        self,
        size: int,
        branches: int = 5,
        channels: int = 3,
        *,
        width: int = 7,
        widest: int = 64,
        input_norm: bool = True,
    ):
        super().__init__()
        check_size(size)
        for name, value, least in (("branches", branches, 2), ("channels", channels, 1), ("width", width, 1)):
            whole(name, value, least)
        self.size, self.branches, self.channels = size, branches, channels
        n, count = branches, levels(size)
        widths = [min(width * 2**level, widest) for level in range(count + 1)]
        deepest = widths[-1]
        self.stem_norm = InstanceNorm(n * channels) if input_norm else None
        self.stem = convolution(channels, width, 3, n)
        self.down = nn.ModuleList()
        for level in range(count):
            plain = 3 if level < 3 else 1
            blocks = [ResidualBlock(widths[level], widths[level], n) for _ in range(plain)]
            blocks.append(ResidualBlock(widths[level], widths[level + 1], n, halve=True))
            self.down.append(nn.Sequential(*blocks))
        self.bottleneck = nn.Sequential(*(ResidualBlock(deepest, deepest, n) for _ in range(2)))
        self.styled = nn.ModuleList(StyledBlock(deepest, deepest, n, STYLE) for _ in range(2))
        self.up = nn.ModuleList(
            StyledBlock(2 * widths[level + 1], widths[level], n, STYLE, double=True)
            for level in reversed(range(count))
        )
        self.head_norm = InstanceNorm(n * width, groups=n * width if input_norm else n)
        self.head = convolution(width, channels, 1, n)

    def forward(self, images: Tensor, style: Tensor) -> Generated:
        """Branch images of (N, C, H, W) images in the styles (N, levels + 2, 64) of one class each."""
        return self.decode(self.encode(images), style)

    def encode(self, images: Tensor) -> Encoded:
        expected = (self.channels, self.size, self.size)
        requirement = f"have shape (N, {self.channels}, {self.size}, {self.size})"
        expect(tuple(images.shape[1:]) == expected, "images", requirement, tuple(images.shape))
        x = images.repeat(1, self.branches, 1, 1)
        if self.stem_norm is not None:
            x = F.leaky_relu(self.stem_norm(x), SLOPE)
        x = self.stem(x)
        skips = []
        for level in self.down:
            x = level(x)
            skips.append(x)
        return Encoded(self.bottleneck(x), skips)

    def decode(self, encoded: Encoded, style: Tensor) -> Generated:
        """``style`` has k N rows, k classes for each of the N encoded images: all images' first, then their
        second.
        """
        copies = len(style) // len(encoded.bottleneck)
        styles = style.unbind(1)
        x = encoded.bottleneck.repeat(copies, 1, 1, 1)
        features = list(encoded.skips)
        for index, block in enumerate(self.styled):
            x = block(x, styles[index])
            features.append(x)
        for index, block in enumerate(self.up):
            skip = encoded.skips[-1 - index].repeat(copies, 1, 1, 1)
            x = block(beside(x, skip, self.branches), styles[len(self.styled) + index])
            features.append(x)
        x = self.head(torch.tanh(self.head_norm(x)))
        return Generated(x.unflatten(1, (self.branches, self.channels)), features)


class Mapping(nn.Module):
    """Styles of a class from noise: z (N, 16) and classes (N,) to (N, levels + 2, 64).

    Args:
        size: of the images, as for :class:`Generator`.
        classes: number of classes, each with layers of its own after four shared ones.
        width: of the hidden layers.
    """

    def __init__(self, size: int, classes: int, width: int = 512):
        super().__init__()
        check_size(size)
        whole("classes", classes, 2)
        self.shared = _layers(LATENT, width, 4)
        outputs = STYLE * (levels(size) + 2)
        self.own = nn.ModuleList(
            nn.Sequential(_layers(width, width, 3), nn.Linear(width, outputs)) for _ in range(classes)
        )

    def forward(self, z: Tensor, target: Tensor) -> Tensor:
        shared = self.shared(z)
        styles = torch.stack([own(shared) for own in self.own], 1)
        rows = torch.arange(len(z), device=z.device)
        return styles[rows, target].unflatten(1, (-1, STYLE))


def _layers(inputs: int, width: int, count: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for _ in range(count):
        layers += [nn.Linear(inputs, width), nn.ReLU()]
        inputs = width
    return nn.Sequential(*layers)


class Discriminator(nn.Module):
    """(N, C, H, W) to a logit for every class (N, c): is it a real image of the class? (Tab. 7)

    Args:
        size: of the images, as for :class:`Generator`.
        classes: c.
        channels: of the images.
        width: channels at full resolution, doubled by every level up to 512; None for the published
            2^14 / size, which is far wider than small images need.
    """

    def __init__(self, size: int, classes: int, channels: int = 3, width: int | None = None):
        super().__init__()
        check_size(size)
        whole("classes", classes, 2)
        width = 2**14 // size if width is None else width
        whole("width", width, 1)
        count = size.bit_length() - 3  # down to 4², or up to 7²
        widths = [min(width * 2**level, max(width, 512)) for level in range(count + 1)]
        self.stem = convolution(channels, width, 3)
        self.down = nn.Sequential(
            *(ResidualBlock(widths[i], widths[i + 1], halve=True, norm=False) for i in range(count))
        )
        # Tab. 7 has convolutions by 4×4 and 1×1, on images of 4² and 1².
        self.join = nn.Linear(widths[-1] * (size // 2**count) ** 2, widths[-1])
        self.head = nn.Linear(widths[-1], classes)

    def forward(self, images: Tensor) -> Tensor:
        x = F.leaky_relu(self.down(self.stem(images)), SLOPE).flatten(1)
        return self.head(F.leaky_relu(self.join(x), SLOPE))


def initialise(network: nn.Module) -> nn.Module:
    """He's normal weights and zero biases in every convolution and linear layer, as published."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return network
