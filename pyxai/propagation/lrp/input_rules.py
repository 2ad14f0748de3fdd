"""Rules of layer-wise relevance propagation that do not look at the input's activation, or need its bounds.

They suit the first layer, whose inputs are pixels: zero is no special colour. None gives the bias a share.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from pyxai.checks import non_negative, per_channel
from pyxai.propagation.layers import Layer
from pyxai.propagation.lrp.relevance import Relevance, arriving, divided, holder, relevance, relevance_reads
from pyxai.propagation.lrp.rules import STABILISER, LinearRule
from pyxai.propagation.per_image import each_image
from pyxai.propagation.walk import Tape

ROUNDING = 1e-5  # how far out of the box, in widths of it, a pixel may be


@dataclass(frozen=True)
class WSquare(LinearRule):
    """R_i = Σ_j w_ij² R_j / Σ_i w_ij²: for inputs without bounds (Montavon et al. 2017). No bias."""

    def gives(self, layer):
        return None

    def reads(self, layer, form):
        return relevance_reads(form)

    def backward(self, layer, message, tape):
        quotients = divided(message, self._sums(layer, tape), tape)
        return Relevance(layer.to_real(layer.transpose(quotients, layer.squares, tape), tape), None)

    def losses(self, layer, message, tape):
        return {"no weights": arriving(message, tape) * (self._sums(layer, tape) == 0)}

    @staticmethod
    def _sums(layer: Layer, tape: Tape) -> Tensor:
        return layer.forward(layer.real(tape), layer.squares)


@dataclass(frozen=True)
class Flat(LinearRule):
    """R_i = Σ_j R_j / V_j for each of the V_j inputs of output j: all weights alike. No bias."""

    def gives(self, layer):
        return None

    def reads(self, layer, form):
        return relevance_reads(form)

    def backward(self, layer, message, tape):
        amounts = relevance(message, tape, message.of in tape.spare)
        return Relevance(layer.equally(amounts, tape), None)

    def losses(self, layer, message, tape):
        return {"no inputs": arriving(message, tape) * (layer.inputs(tape) == 0)}


@dataclass(frozen=True)
class Pass(LinearRule):
    """R_i = R_j, for a layer whose value has the shape of its source."""

    def check(self, layer):
        before, after = (node.meta["val"].shape[1:] for node in (layer.source, layer.step.node))
        if before != after:
            where = layer.step.module or layer.step.operation
            raise ValueError(
                f"`Pass` must be given to a layer that keeps the shape, got `{where}`: "
                f"{tuple(before)} to {tuple(after)}"
            )

    def gives(self, layer):
        return None

    def reads(self, layer, form):
        return relevance_reads(form)

    def backward(self, layer, message, tape):
        return Relevance(relevance(message, tape), None)


@dataclass(frozen=True)
class ZBox(LinearRule):
    """z^B for inputs in a box l ≤ a ≤ h (Montavon et al. 2017).

    R_i = Σ_j (a_i w_ij - l_i w_ij⁺ - h_i w_ij⁻) R_j / Σ_i (·)

    Attributes:
        low, high: least and greatest value of a pixel in the model's input space, a number or one a channel.
            They are mapped through whatever scales, shifts and flips the image before the layer.
    """

    low: float | tuple = 0.0
    high: float | tuple = 1.0
    stabiliser: float = STABILISER

    def __post_init__(self):
        non_negative("stabiliser", self.stabiliser)
        channels = max(len(end) if isinstance(end, (tuple, list)) else 1 for end in (self.low, self.high))
        low, high = per_channel("low", self.low, channels), per_channel("high", self.high, channels)
        if not bool((low <= high).all()) or not bool((low < high).any()):
            raise ValueError(f"`low` must be less than `high`, got {self.low} and {self.high}")

    def check(self, layer):
        if layer.lead is None:
            where = layer.step.module or layer.step.operation
            raise ValueError(
                f"`ZBox` must be given to a layer that sees the image through scales, shifts and flips, "
                f"got `{where}`"
            )
        layer.box(self.low, self.high)

    def gives(self, layer):
        return None

    def reads(self, layer, form):
        return relevance_reads(form) | {holder(layer.step.node, form), layer.source}

    def backward(self, layer, message, tape):
        values = tape[layer.source]
        low, high, least = layer.box(self.low, self.high)
        low, high = (each_image(layer.source, bound, tape) for bound in (low, high))
        least = each_image(layer.step.node, least, tape)
        slack = ROUNDING * (high - low).max()
        if bool(((values < low - slack) | (values > high + slack)).any()):
            raise ValueError(f"images must lie between `low` and `high`, {self.low} and {self.high}")
        sums = tape[holder(layer.step.node, message.of)] - least
        quotients = divided(message, sums, tape, self.stabiliser, spare=True)
        upper, lower = layer.positive.halves(quotients, tape)
        return Relevance((values - low) * upper + (values - high) * lower, None)
