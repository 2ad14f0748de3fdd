"""Rate-distortion explanations on any representation of the image."""

from __future__ import annotations

import dataclasses

from pyxai.checks import expect
from pyxai.methods.rate_distortion.masked import Masked
from pyxai.rde import Optimiser, Pixels, RateDistortion, Representation


class AnyRateDistortion(Masked):
    """A mask on any representation of the image (Kolek et al. 2022, §4).

    Attributes:
        representation: The coefficients that the mask is on, a :class:`pyxai.rde.Representation`.
        optimiser: What finds the mask, a :class:`pyxai.rde.Optimiser`. None is Adam with ``learning_rate``.
        spatial: The price of the picture's mean brightness, added to the loss (Kolek et al. 2023).
        colour: True makes a picture in colour, (N, C, H, W); False one of the mean of the channels.
    """

    name = "rate_distortion"

    representation: Representation = dataclasses.field(default_factory=Pixels)
    optimiser: Optimiser | None = None
    spatial: float = 0.0
    colour: bool = False

    @property
    def per_channel(self) -> bool:
        return self.colour

    @property
    def how(self) -> RateDistortion:
        known = isinstance(self.representation, Representation)
        kind = type(self.representation).__name__
        expect(known, "representation", "be a Representation", kind)
        return self.of(self.representation, self.optimiser, spatial=self.spatial, colour=self.colour)
