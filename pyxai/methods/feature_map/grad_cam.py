"""Grad-CAM."""

from __future__ import annotations

from torch import Tensor

from pyxai.methods.feature_map.channels import image_like
from pyxai.methods.feature_map.from_gradients import GradientMap
from pyxai.ops import grad_cam


class GradCAM(GradientMap):
    """Channels of a layer, weighted by their mean gradients (survey §4.6; Selvaraju et al. 2017)."""

    name = "grad_cam"

    def combine(self, values: Tensor, gradient: Tensor) -> Tensor:
        return grad_cam(image_like(values), image_like(gradient)).view(len(values), *values.shape[2:])
