"""Grad-CAM."""

from __future__ import annotations

from torch import Tensor

from pyxai.methods.feature_map.channels import places, weighted
from pyxai.methods.feature_map.from_gradients import GradientMap


class GradCAM(GradientMap):
    """Channels of a layer, weighted by their mean gradients (survey §4.6; Selvaraju et al. 2017)."""

    name = "grad_cam"

    def combine(self, values: Tensor, gradient: Tensor) -> Tensor:
        return weighted(values, gradient.mean(places(values)))
