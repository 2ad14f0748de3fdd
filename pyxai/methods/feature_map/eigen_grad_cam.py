"""Eigen-Grad-CAM."""

from __future__ import annotations

from torch import Tensor

from pyxai.methods.feature_map.from_gradients import GradientMap
from pyxai.methods.feature_map.leading import leading_projection


class EigenGradCAM(GradientMap):
    """Projection of a layer's values times gradients on their first principal component (slides).

    Its sign is that in which it grows with the sum of the channels, what the place adds to the score.
    """

    name = "eigen_grad_cam"

    def combine(self, values: Tensor, gradient: Tensor) -> Tensor:
        return leading_projection(values * gradient)
