"""Excitation backpropagation."""

from __future__ import annotations

from pyxai.methods.propagation.by_rules import ByRules
from pyxai.propagation.lrp.composites import Composite
from pyxai.propagation.lrp.rules import ZPlus


class ExcitationBackprop(ByRules):
    """Excitation backpropagation: the probability that a random walk from the class ends at a pixel.

    z⁺ without biases in every layer, from probability 1 at the class (Zhang et al. 2016, eq. 6). Meant for
    networks with non-negative activations.
    """

    name = "excitation_backprop"
    of_score = False

    def rules(self) -> Composite:
        hidden = ZPlus(bias="ignore", stabiliser=0.0)
        return Composite(hidden, hidden, hidden, hidden, sums="positive")
