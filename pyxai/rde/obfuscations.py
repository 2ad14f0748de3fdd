"""What stands in for the coefficients that a mask leaves out."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from pyxai import ops
from pyxai.checks import positive
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


class Obfuscation:
    """A distribution of replacements v. To write one, give :meth:`replacements`.

    An inpainting generator G(s, z, h) is one: it may look at the mask, and torch differentiates through it.
    """

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

    def tables(self, coefficients: Tensor, parts: tuple[int, ...]) -> tuple[Tensor, Tensor]:
        """Centre and spread of every image's parts, (N, P) each."""
        rows = [[torch.stack(self.statistics(part)) for part in h.split(parts, -1)] for h in coefficients]
        table = torch.stack([torch.stack(row) for row in rows])
        return table[..., 0], table[..., 1]

    def replacements(self, draw: Draw) -> Tensor:
        present, place = draw.index.unique(return_inverse=True)
        centre, spread = self.tables(draw.coefficients[present], draw.parts)
        sizes = torch.tensor(draw.parts, device=draw.index.device)
        shape, ids = draw.coefficients.shape[1:], draw.ids[draw.index]
        if self.noise == "normal":
            noise = ops.normal_noise(ids, draw.draws, draw.seed, shape)
        else:
            noise = 2 * ops.uniform_noise(ids, draw.draws, draw.seed, shape) - 1
        middle, width = (x[place].repeat_interleave(sizes, 1)[:, None] for x in (centre, spread))
        return middle + width * noise.to(centre.dtype)


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

    def replacements(self, draw: Draw) -> Tensor:
        deviation = self.scale * min(draw.images.shape[2:])
        reach = math.ceil(3 * deviation)
        place = torch.arange(-reach, reach + 1, device=draw.images.device, dtype=draw.images.dtype)
        taps = torch.exp(-place.square() / (2 * deviation**2))
        taps = taps / taps.sum()
        present, place = draw.index.unique(return_inverse=True)
        blurred = []
        for image in draw.images[present]:  # one at a time: convolutions choose their algorithm by the batch
            rows = F.pad(image[:, None], (reach, reach, reach, reach), mode="replicate")
            rows = F.conv2d(F.conv2d(rows, taps.view(1, 1, 1, -1)), taps.view(1, 1, -1, 1))
            blurred.append(draw.representation.coefficients(rows[None, :, 0]))
        return torch.cat(blurred)[place]


OBFUSCATIONS = {
    "gaussian": Gaussian(),
    "uniform": Uniform(),
    "zero": Constant(0.0),
    "blur": Blur(),
}
