"""Deep Taylor decomposition: LRP with the rules whose root points it justifies, and nothing else."""

from __future__ import annotations

from typing import Literal

from pyxai.methods.propagation.by_rules import ByRules
from pyxai.propagation.lrp.composites import Composite
from pyxai.propagation.lrp.input_rules import WSquare, ZBox
from pyxai.propagation.lrp.rules import ZPlus


class DeepTaylor(ByRules):
    """Deep Taylor decomposition (survey §5.1.1, eq. 16–18; Montavon et al. 2017).

    z⁺ without biases in hidden layers; in the first layer z^B for pixels in [``low``, ``high``], or w² for
    inputs without bounds. Where a class scores above zero, relevance is positive by construction.

    Attributes:
        input: The rule of the first layer: ``box`` is z^B, for pixels between ``low`` and ``high``;
            ``unbounded`` is w².
        low: The least value of a pixel in the model's input space, one number or one for each channel. It is
            read for ``input="box"`` only; ``preprocess`` sets it, on the command line the model's own.
        high: The greatest value of a pixel, as ``low``.
    """

    name = "deep_taylor"

    input: Literal["box", "unbounded"] = "unbounded"
    low: float | tuple = 0.0
    high: float | tuple = 1.0

    def settle(self) -> None:
        self.rules()

    def rules(self) -> Composite:
        hidden = ZPlus(bias="ignore", stabiliser=0.0)
        first = ZBox(low=self.low, high=self.high, stabiliser=0.0) if self.input == "box" else WSquare()
        return Composite(hidden, hidden, hidden, hidden, first, sums="positive")
