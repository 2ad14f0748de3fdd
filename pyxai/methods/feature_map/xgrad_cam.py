"""XGrad-CAM."""

from __future__ import annotations

from torch import Tensor

from pyxai.methods.feature_map.channels import places, weighted
from pyxai.methods.feature_map.from_gradients import GradientMap


class XGradCAM(GradientMap):
    """Channels of a layer, weighted by their gradients in proportion to their values (Fu et al. 2020).

    w_k = Σ_ij A_kij g_kij / Σ_ij A_kij; channels whose values sum to zero have no weight.
    """

    name = "xgrad_cam"

    def combine(self, values: Tensor, gradient: Tensor) -> Tensor:
        total = values.sum(places(values))
        shares = (values * gradient).sum(places(values))
        return weighted(values, (shares / total).where(total != 0, 0))
