"""What stands in for the coefficients that a mask leaves out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from pyxai import ops
from pyxai.checks import positive
from pyxai.gaussian import window
from pyxai.rde.representations import Representation


@dataclass(frozen=True)
class Draw:
    """What an obfuscation is asked for: rows of replacements, each one draw for one image.

    Attributes:
        images: (N, C, H, W) in [0, 1].
        coefficients: (N, c, K), theirs.
        parts: sizes of the parts the coefficients fall into.
        mask: (R, K), each row's mask.
        index: (R,), the image each row belongs to.
        ids: (N,), the images' identities.
        draws: (R,), numbers of the draws, never used twice for an image.
        seed: of the noise: see :func:`pyxai.ops.normal_noise`.
        representation: what the coefficients are of.
        prepared: what :meth:`Obfuscation.prepare` gave for the images.
    """

    images: Tensor
    coefficients: Tensor
    parts: tuple[int, ...]
    mask: Tensor
    index: Tensor
    ids: Tensor
    draws: Tensor
    seed: int
    representation: Representation
    prepared: Any


class Obfuscation:
    """A distribution of replacements v. To write one, give :meth:`replacements`.

    An inpainting generator G(s, z, h) is one: it may look at the mask, and torch differentiates through it.
    """

    def prepare(self, images: Tensor, coefficients: Tensor, representation: Representation) -> Any:
        """What depends on the images alone, made once and found in every draw; arguments as in `Draw`."""
        return None

    def replacements(self, draw: Draw) -> Tensor:
        """v for each row of ``draw``: (R, c, K)."""
        raise NotImplementedError


class PartNoise(Obfuscation):
    """v = centre + spread e with the same centre and spread all over a part; runs fused with the transform.

    Attributes:
        noise: the distribution of e, one of :data:`pyxai.ops.NOISES`.
    """

    noise = "normal"

    def statistics(self, part: Tensor) -> tuple[Tensor, Tensor]:
        """Centre and spread, two 0-d tensors, for the coefficients (c, k) of an image's part."""
        raise NotImplementedError

    def prepare(
        self, images: Tensor, coefficients: Tensor, representation: Representation
    ) -> tuple[Tensor, Tensor]:
        """Centre and spread of every image's parts, (N, P) each."""
        shape = tuple(images.shape[1:])
        rows = [
            [torch.stack(self.statistics(part)) for part in representation.numbers(h, shape)]
            for h in coefficients
        ]
        return torch.stack([torch.stack(row) for row in rows]).unbind(-1)

    def replacements(self, draw: Draw) -> Tensor:
        sizes = torch.tensor(draw.parts, device=draw.index.device)
        shape, ids = draw.coefficients.shape[1:], draw.ids[draw.index]
        if self.noise == "normal":
            noise = ops.normal_noise(ids, draw.draws, draw.seed, shape)
        else:
            noise = 2 * ops.uniform_noise(ids, draw.draws, draw.seed, shape) - 1
        size = draw.coefficients.shape[-1]  # which the device need not be asked for then
        centre, spread = (
            table[draw.index].repeat_interleave(sizes, 1, output_size=size)[:, None]
            for table in draw.prepared
        )
        return centre + spread * noise.to(centre.dtype)


@dataclass(frozen=True)
class Gaussian(PartNoise):
    """Gaussian adaptive noise (CartoonX §4.1.2): mean and standard deviation of the part, of each image.

    The standard deviation is the unbiased one. The noise is fresh in every draw and differs by channel.
    """

    def statistics(self, part: Tensor) -> tuple[Tensor, Tensor]:
        several = part.numel() > 1
        return part.mean(), part.std() if several else torch.zeros_like(part.mean())


@dataclass(frozen=True)
class Uniform(Gaussian):
    """Uniform between one standard deviation below and one above the part's mean."""

    noise = "uniform"


@dataclass(frozen=True)
class Constant(PartNoise):
    """One number everywhere; 0 is the zero baseline."""

    value: float = 0.0

    def statistics(self, part: Tensor) -> tuple[Tensor, Tensor]:
        return part.new_tensor(self.value), part.new_tensor(0.0)


@dataclass(frozen=True)
class Blur(Obfuscation):
    """The coefficients of the image under a Gaussian.

    Args:
        scale: its standard deviation by the image's smaller side.
    """

    scale: float = 10 / 224

    def __post_init__(self):
        positive("scale", self.scale)

    def prepare(self, images: Tensor, coefficients: Tensor, representation: Representation) -> Tensor:
        """The coefficients of the blurred images, (N, c, K)."""
        deviation = self.scale * min(images.shape[2:])
        reach = math.ceil(3 * deviation)
        place = torch.arange(-reach, reach + 1, dtype=images.dtype, device=images.device)
        taps = window(place, deviation)
        blurred = []
        for image in images:  # one at a time: convolutions choose their algorithm by the batch
            rows = F.pad(image[:, None], (reach, reach, reach, reach), mode="replicate")
            rows = F.conv2d(F.conv2d(rows, taps.view(1, 1, 1, -1)), taps.view(1, 1, -1, 1))
            blurred.append(representation.coefficients(rows[None, :, 0]))
        return torch.cat(blurred)

    def replacements(self, draw: Draw) -> Tensor:
        return draw.prepared[draw.index]


OBFUSCATIONS = {
    "gaussian": Gaussian(),
    "uniform": Uniform(),
    "zero": Constant(0.0),
    "blur": Blur(),
}
