"""What takes the place of a picture where its mask keeps little: the five fills of the paper's ablation.

Each is called with images (N, C, H, W) and masks (N, H, W) in [0, 1], the ids (N,) int64 of the rows and the
number of the step, and returns what the model sees, (N, C, H, W), differentiable by images and masks. What is
drawn is a function of (seed, id, step) alone.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from pyxai import ops
from pyxai.checks import expect, non_negative, whole
from pyxai.gaussian import window
from pyxai.visualization.noise import REFERENCE_SIZE, fractal_noise

Fill = Callable[[Tensor, Tensor, Tensor, int], Tensor]
FillName = Literal["pyramid", "fractal", "gaussian", "blur", "constant"]

BLURS = 6
"""How many blurs of a picture there are, from the strongest to none."""


@dataclass(frozen=True)
class Pyramid:
    """Fractal noise, fresh in every step, the level chosen by the mask (Shi et al. 2023, eq. 14).

    Args:
        depth: D; there are D + 1 levels.
        lookup: the level by the ``interval`` that a mask lies in, or ``interpolate`` between the two nearest.
        shared_spectrum: all levels filter one spectrum, which is faster.
        seed: of the noise.
    """

    depth: int = 5
    lookup: Literal["interval", "interpolate"] = "interval"
    shared_spectrum: bool = False
    seed: int = 0

    def __post_init__(self):
        whole("depth", self.depth, 0)

    def __call__(self, images: Tensor, masks: Tensor, ids: Tensor, step: int) -> Tensor:
        noise = fractal_noise(
            ids,
            step,
            tuple(images.shape[1:]),
            depth=self.depth,
            seed=ops.derive_seed(self.seed, "pyramid"),
            shared_spectrum=self.shared_spectrum,
            dtype=images.dtype,
        )
        return ops.pyramid_fill(images, masks, noise, self.lookup == "interpolate")


@dataclass(frozen=True)
class Fractal:
    """Fractal noise of one level, fresh in every step: eq. 11 with σ = 0.19 and p = 3."""

    seed: int = 0

    def __call__(self, images: Tensor, masks: Tensor, ids: Tensor, step: int) -> Tensor:
        seed = ops.derive_seed(self.seed, "fractal")
        noise = fractal_noise(ids, step, tuple(images.shape[1:]), depth=None, seed=seed, dtype=images.dtype)
        return ops.pyramid_fill(images, masks, noise, False)


@dataclass(frozen=True)
class Gaussian:
    """Standard normal numbers, fresh in every step: eq. 11. They are not kept to the range of images."""

    seed: int = 0

    def __call__(self, images: Tensor, masks: Tensor, ids: Tensor, step: int) -> Tensor:
        seed, draws = ops.derive_seed(self.seed, "gaussian"), torch.full_like(ids, step)
        noise = ops.normal_noise(ids, draws, seed, tuple(images.shape[1:]), images.dtype)
        return ops.pyramid_fill(images, masks, noise[:, None], False)


@dataclass(frozen=True)
class Constant:
    """One number all over: eq. 10.

    Args:
        constant: that number, where 0 is black and 1 is white.
    """

    constant: float = 0.5

    def __post_init__(self):
        expect(0 <= self.constant <= 1, "constant", "lie between 0 and 1", repr(self.constant))

    def __call__(self, images: Tensor, masks: Tensor, ids: Tensor, step: int) -> Tensor:
        return self.constant + masks[:, None] * (images - self.constant)


@dataclass(frozen=True)
class Blur:
    """The image under a Gaussian of standard deviation σ (1 - M), which goes on as its mirror image: eq. 9.

    Six blurs with deviations from σ to 0 are made of an image, the last of them the image itself, and each
    place takes what lies between the two nearest. The gradient flows through all of it.

    Args:
        blur_sigma: σ in pixels of an image of 224; in others it is as large in proportion to the smaller
            side.
    """

    blur_sigma: float = 10.0

    def __post_init__(self):
        non_negative("blur_sigma", self.blur_sigma)

    def __call__(self, images: Tensor, masks: Tensor, ids: Tensor, step: int) -> Tensor:
        last = BLURS - 1
        deviation = self.blur_sigma * min(images.shape[2:]) / REFERENCE_SIZE
        filled = torch.zeros_like(images)
        for level in range(BLURS):
            share = (1 - (last * masks - level).abs()).clamp(min=0)
            filled = filled + share[:, None] * _blurred(images, deviation * (1 - level / last))
        return filled


def _blurred(images: Tensor, deviation: float) -> Tensor:
    """Images (N, C, H, W) under a Gaussian whose standard deviation is so many pixels."""
    if deviation == 0:
        return images
    kind = images.device, images.dtype
    rows, columns = (_blur_of_line(size, deviation, *kind) for size in images.shape[2:])
    return torch.stack([rows @ image @ columns.T for image in images])  # no image's sums by the batch's size


@functools.lru_cache(maxsize=32)
def _blur_of_line(length: int, deviation: float, device: torch.device, dtype: torch.dtype) -> Tensor:
    """What a blur multiplies a line by, (length, length): weights to twice the deviation."""
    reach = math.ceil(2 * deviation)
    offsets = torch.arange(-reach, reach + 1, dtype=torch.float64, device="cpu")
    weights = window(offsets, deviation)
    places = torch.arange(length, device="cpu")
    sources = _mirrored(places[:, None] + offsets.long(), length)
    found = torch.zeros(length, length, dtype=torch.float64, device="cpu")
    return found.scatter_add_(1, sources, weights.expand(length, -1).contiguous()).to(device, dtype)


def _mirrored(places: Tensor, length: int) -> Tensor:
    """Places of a line that goes on as its mirror image, without its ends twice, as places of the line."""
    period = max(2 * (length - 1), 1)
    inside = places % period
    return torch.minimum(inside, period - inside) if length > 1 else torch.zeros_like(places)


FILLS: dict[str, Callable[..., Fill]] = {
    "pyramid": Pyramid,
    "fractal": Fractal,
    "gaussian": Gaussian,
    "blur": Blur,
    "constant": Constant,
}
"""By the names that options give; what they are made with are options of the same names."""
