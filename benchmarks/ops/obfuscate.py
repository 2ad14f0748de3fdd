"""Masked and obfuscated images beside torch's chain around pytorch-wavelets.

Not bound by memory: every coefficient of every row takes a normal number from ten rounds of Philox and an
inverse distribution function. Most of the rest is the transform, which is not bound by memory either.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from benchmarks.ops import Case, Work
from benchmarks.ops.dwt import LEVELS, SIDE, filters, peer
from pyxai.ops import dwt, obfuscate, wavelet_layout

# A whole Philox for each coefficient, normal_noise and idwt.
WORK = Work(floats=90, integers=260, quotients=12)

SAMPLES = 16
LAYOUT = wavelet_layout(SIDE, SIDE, LEVELS, 6)


@dataclass(frozen=True)
class Scene:
    """Images with a mask each, of which rows are made."""

    mask: Tensor
    given: tuple[Tensor, ...]  # coefficients and all behind the mask, up to the plain numbers
    inverse: torch.nn.Module  # pytorch-wavelets'

    @property
    def rows(self) -> int:
        return len(self.given[3])

    @property
    def bytes(self) -> int:
        """Coefficients read and images written, once a row."""
        return 4 * self.rows * 3 * (LAYOUT.size + SIDE**2)

    def native(self) -> Tensor:
        coefficients, *others = self.given
        return obfuscate(coefficients, self.mask, *others, LEVELS, SIDE, SIDE, "normal", 0)

    def eager(self, mask: Tensor) -> Tensor:
        """The same images by torch; ``mask`` so that a gradient can be taken by it."""
        coefficients, index = self.given[0], self.given[3]
        noise = torch.randn(len(index), *coefficients.shape[1:], device=coefficients.device)
        keep = mask[index][:, None]
        mixed = keep * coefficients[index] + (1 - keep) * (1 + noise)
        return self.inverse(LAYOUT.split(mixed)).clamp(0, 1)


def scenes(device):
    """One image and four, if pytorch-wavelets is there."""
    transforms = peer(device)
    if transforms is None:
        return
    analysis, synthesis = filters(device)
    for images in (1, 4):
        coefficients = dwt(torch.rand(images, 3, SIDE, SIDE, device=device), analysis, LEVELS)
        parts = torch.ones(images, LEVELS + 1, device=device)
        row = torch.arange(images * SAMPLES, device=device)
        ids = torch.arange(images, device=device)
        black, white = torch.zeros(3, device=device), torch.ones(3, device=device)
        yield Scene(
            torch.rand(images, LAYOUT.size, device=device),
            (coefficients, parts, parts, row // SAMPLES, ids, row, synthesis, black, white),
            transforms[1],
        )


def cases(device):
    for scene in scenes(device):

        def eager(scene=scene):
            with torch.no_grad():
                return scene.eager(scene.mask)

        yield Case(f"obfuscate, {described(scene)}", scene.native, eager, scene.bytes)


def described(scene):
    return f"{len(scene.mask)}×{SAMPLES} rows of 3×{SIDE}²"
