"""Guided backpropagation."""

from __future__ import annotations

from pyxai.methods.propagation.from_unit import FromUnit


class GuidedBackprop(FromUnit):
    """Gradient that passes a ReLU only where it and the activation are positive (survey §4.3).

    Springenberg et al. 2015.
    """

    name = "guided_backprop"
    rectify = "both"
