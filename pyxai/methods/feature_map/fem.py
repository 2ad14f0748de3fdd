"""FEM, the feature-based explanation method."""

from __future__ import annotations

from typing import Any, Literal

from torch import Tensor

from pyxai.checks import non_negative
from pyxai.methods.feature_map.channels import image_like
from pyxai.methods.feature_map.from_activations import ActivationMap
from pyxai.ops import fem

_DEFAULTS: dict[str, dict[str, Any]] = {
    "survey": {"k": 1.0, "comparison": ">=", "normalize": "min_max"},
    "circulated": {"k": 2.0, "comparison": ">", "normalize": "max"},
}


class FEM(ActivationMap):
    """Where channels of a layer are rarely as active, by the K-sigma rule (survey §5.3; Fuad et al. 2020).

    Channel k is marked where a ≥ μ_k + K σ_k, with the mean and the standard deviation (of all its values,
    divided by their number) over the image; the marks are added with the weights μ_k. It is the same for all
    classes.

    Attributes:
        variant: What ``k``, ``comparison`` and ``normalize`` are where they are not given. ``survey`` is the
            method as the survey describes it: K = 1, ≥, ``min_max``. ``circulated`` is the TensorFlow code
            that the method's authors hand on, which differs from it: K = 2, >, ``max``.
        k: By how many standard deviations a value is above the mean of its channel to be marked; None takes
            the value of ``variant``.
        comparison: Whether a value that is equal to that limit is marked, as all values of a constant channel
            are: ``>=`` or ``>``; None takes that of ``variant``.
        weighting: ``mean`` weights the marks of a channel by its mean, ``none`` all alike.
        normalize: ``min_max`` brings each map to [0, 1] by its least and its greatest value, ``max`` divides
            it by its greatest where that is positive, ``none`` leaves it; ``variant`` takes what ``variant``
            has. A constant map becomes zero by ``min_max``.
    """

    name = "fem"

    relu = False

    variant: Literal["survey", "circulated"] = "survey"
    k: float | None = None
    comparison: Literal[">=", ">"] | None = None
    weighting: Literal["mean", "none"] = "mean"
    normalize: Literal["variant", "none", "min_max", "max"] = "variant"

    def settle(self) -> None:
        super().settle()
        self.fill_in(_DEFAULTS[self.variant])
        non_negative("k", self.k)

    def combine(self, values: Tensor) -> Tensor:
        found = fem(image_like(values), self.k, self.comparison == ">", self.weighting == "mean")
        return found.view(len(values), *values.shape[2:])
