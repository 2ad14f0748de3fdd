"""The magnitude of the gradient, one value for each pixel."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from pyxai.capture.executor import Executor
from pyxai.methods.gradient.maps import gradient_maps
from pyxai.methods.method import Method
from pyxai.methods.request import Maps, Request


class Saliency(Method):
    """Magnitude of the gradient, one value for each pixel (survey eq. 6; Simonyan et al. 2014).

    Attributes:
        reduce: How the channels of a pixel become one value. ``max`` takes the largest magnitude (eq. 6),
            ``signed`` takes the entry of largest magnitude with its sign, ``mean`` takes the mean magnitude.
    """

    name = "saliency"
    per_channel = False
    volumes = True

    reduce: Literal["max", "signed", "mean"] = "max"

    def attribute(self, executor: Executor, request: Request) -> Maps:
        maps = gradient_maps(executor, request)
        maps.attribution = [self._reduce(gradient) for gradient in maps.attribution]
        return maps

    def _reduce(self, gradient: Tensor) -> Tensor:
        magnitude = gradient.abs()
        if self.reduce == "max":
            return magnitude.amax(1, keepdim=True)
        if self.reduce == "signed":
            return gradient.gather(1, magnitude.argmax(1, keepdim=True))
        return magnitude.mean(1, keepdim=True)
