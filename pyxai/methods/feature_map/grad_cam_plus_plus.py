"""Grad-CAM++."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from pyxai.methods.feature_map.channels import places, weighted
from pyxai.methods.feature_map.from_gradients import GradientMap


class GradCAMPlusPlus(GradientMap):
    """Channels of a layer, weighted by positive gradients place by place (Chattopadhay et al. 2018).

    With g the gradient of the score by the values A of a channel, a place has α = g² / (2 g² + ΣA g³), 0
    where g is not positive, and a channel the weight Σ α · max(g, 0). These are the derivatives of exp(S),
    without a factor exp(S) that all channels have, so that exp(S) is never computed.

    Attributes:
        variant: ``paper`` divides the α of each channel by their sum, as the authors' code does. Without, as
            in ``unnormalized``, weights grow with the number of places that the score is spread over.
    """

    name = "grad_cam_plus_plus"

    variant: Literal["paper", "unnormalized"] = "paper"

    def combine(self, values: Tensor, gradient: Tensor) -> Tensor:
        axes = places(values)
        below = 2 + values.sum(axes, keepdim=True) * gradient  # g² is taken out: its powers underflow
        alpha = below.where(below != 0, 1).reciprocal().where(gradient > 0, 0)
        if self.variant == "paper":
            total = alpha.sum(axes, keepdim=True)
            alpha = alpha / total.where(total != 0, 1)
        return weighted(values, (alpha * gradient.clamp(min=0)).sum(axes))
