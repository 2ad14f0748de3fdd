"""HiResCAM."""

from __future__ import annotations

from torch import Tensor

from pyxai.methods.feature_map.from_gradients import GradientMap


class HiResCAM(GradientMap):
    """Values of a layer times their gradients, summed over the channels (Draelos & Carin 2020)."""

    name = "hires_cam"

    relu = False

    def combine(self, values: Tensor, gradient: Tensor) -> Tensor:
        return (values * gradient).sum(1)
