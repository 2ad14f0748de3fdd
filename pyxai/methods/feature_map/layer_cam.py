"""LayerCAM."""

from __future__ import annotations

from torch import Tensor

from pyxai.methods.feature_map.from_gradients import GradientMap


class LayerCAM(GradientMap):
    """Values of a layer times their positive gradients, summed over the channels (Jiang et al. 2021)."""

    name = "layer_cam"

    def combine(self, values: Tensor, gradient: Tensor) -> Tensor:
        return (values * gradient.clamp(min=0)).sum(1)
