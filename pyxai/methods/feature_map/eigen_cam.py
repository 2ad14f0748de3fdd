"""Eigen-CAM."""

from __future__ import annotations

from torch import Tensor

from pyxai.methods.feature_map.from_activations import ActivationMap
from pyxai.methods.feature_map.leading import leading_projection


class EigenCAM(ActivationMap):
    """Projection of a layer's values on their first principal component (Muhammad & Yeasin 2020).

    It is the same for all classes. Its sign is that in which it grows with the sum of the channels.
    """

    name = "eigen_cam"

    def combine(self, values: Tensor) -> Tensor:
        return leading_projection(values)
