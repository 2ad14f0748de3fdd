"""Deep Taylor decomposition: LRP with the rules whose root points it justifies, and nothing else."""

from __future__ import annotations

from typing import Literal

from pyxai.attribution.propagation.composites import Composite
from pyxai.attribution.propagation.input_rules import WSquare, ZBox
from pyxai.attribution.propagation.lrp import ByRules
from pyxai.attribution.propagation.rules import ZPlus
from pyxai.attribution.registry import register
from pyxai.checks import one_of


@register("deep_taylor", family="propagation", needs="graph")
class DeepTaylor(ByRules):
    """Deep Taylor decomposition (survey §5.1.1, eq. 16–18; Montavon et al. 2017).

    z⁺ without biases in hidden layers; in the first layer z^B for pixels in [``low``, ``high``], or w² for
    inputs without bounds. Where a class scores above zero, relevance is positive by construction.

    Attributes:
        input: rule of the first layer: ``box`` is z^B, ``unbounded`` is w².
        low, high: least and greatest value of a pixel in the model's input space, a number or one a channel.
    """

    input: Literal["box", "unbounded"] = "unbounded"
    low: float | tuple = 0.0
    high: float | tuple = 1.0

    def __post_init__(self):
        one_of("input", self.input, ("box", "unbounded"))
        self.rules()

    def rules(self) -> Composite:
        hidden = ZPlus(bias="ignore", stabiliser=0.0)
        first = ZBox(low=self.low, high=self.high, stabiliser=0.0) if self.input == "box" else WSquare()
        return Composite(hidden, hidden, hidden, hidden, first, sums="positive")


@register("excitation_backprop", family="propagation", needs="graph")
class ExcitationBackprop(ByRules):
    """Excitation backpropagation: the probability that a random walk from the class ends at a pixel.

    z⁺ without biases in every layer, from probability 1 at the class (Zhang et al. 2016, eq. 6). Meant for
    networks with non-negative activations.
    """

    of_score = False

    def rules(self) -> Composite:
        hidden = ZPlus(bias="ignore", stabiliser=0.0)
        return Composite(hidden, hidden, hidden, hidden, sums="positive")
