"""CartoonX: a mask on wavelet coefficients that suffices for the decision."""

from __future__ import annotations

from pyxai.methods.rate_distortion.masked import Masked
from pyxai.rde import RateDistortion, Wavelets


class CartoonX(Masked):
    """The piece-wise smooth part of the image that suffices for the decision (Kolek et al. 2022).

    Algorithm 1: a mask on the wavelet coefficients, optimised so that the decision survives noise in what it
    leaves out. The map is the picture of what it keeps, in [0, 1].

    Attributes:
        wavelet: The name of a discrete wavelet of PyWavelets.
        levels: The number of scales: how often the low-pass plane is transformed again.
        padding: How the image goes on beyond its border: ``zero``, ``symmetric``, ``periodic`` or
            ``reflect``.
        spatial: The price of the picture's mean brightness, added to the loss (Kolek et al. 2023).
        colour: True makes a picture in colour, (N, C, H, W); False one of the mean of the channels.
    """

    name = "cartoonx"

    wavelet: str = "db3"
    levels: int = 5
    padding: str = "zero"
    spatial: float = 0.0
    colour: bool = False

    @property
    def per_channel(self) -> bool:
        return self.colour

    @property
    def how(self) -> RateDistortion:
        wavelets = Wavelets(self.wavelet, self.levels, self.padding)
        return self.of(wavelets, spatial=self.spatial, colour=self.colour)
