"""FEM, the feature-based explanation method."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor

from pyxai.checks import non_negative
from pyxai.methods.feature_map.channels import places, weighted
from pyxai.methods.feature_map.from_activations import ActivationMap

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
        variant: ``survey`` has K = 1, ≥ and maps in [0, 1]; ``circulated``, the code that is passed around,
            K = 2, > and division by the maximum. Options that are given stand.
        k: By how many standard deviations a value is above the mean of its channel to be marked; None for
            that of the variant.
        comparison: Whether a value that is equal to it is marked, as all of a constant channel are: ``>=`` or
            ``>``; None for that of the variant.
        weighting: ``mean`` weights the marks of a channel by its mean, ``none`` all alike.
        normalize: As below; ``variant`` for that of the variant.
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
        for name, value in _DEFAULTS[self.variant].items():
            if getattr(self, name) in (None, "variant"):
                object.__setattr__(self, name, value)
        non_negative("k", self.k)

    def combine(self, values: Tensor) -> Tensor:
        axes = places(values)
        first = values[(..., *[slice(1)] * len(axes))]
        values = values - first  # so that a constant channel has no deviation, to the last bit
        mean = values.mean(axes, keepdim=True)
        deviation = (values - mean).square_().mean(axes, keepdim=True).sqrt()  # a third of the time of `std`
        limit = mean + self.k * deviation
        marks = values >= limit if self.comparison == ">=" else values > limit
        weights = mean + first if self.weighting == "mean" else torch.ones_like(mean)
        return weighted(marks.to(values.dtype), weights.flatten(1))
