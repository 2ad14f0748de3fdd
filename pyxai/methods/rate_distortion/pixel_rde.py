"""Pixel RDE: a mask on pixels that suffices for the decision."""

from __future__ import annotations

from torch import Tensor

from pyxai.methods.rate_distortion.masked import Masked
from pyxai.rde import Explained, Pixels, RateDistortion


class PixelRDE(Masked):
    """The pixels that suffice for the decision (Macdonald et al. 2019; Kolek et al. 2022, Pixel RDE).

    The map is the mask.

    Attributes:
        sparsity: λ times the number of pixels: what keeping every pixel costs. Kolek et al. take 3 to 20.
            With 0 every pixel is kept.
    """

    name = "pixel_rde"

    sparsity: float = 10.0

    @property
    def how(self) -> RateDistortion:
        return self.of(Pixels())

    def picture(self, found: Explained, shape: tuple[int, int]) -> Tensor:
        return found.mask.unflatten(1, (1, *shape))
