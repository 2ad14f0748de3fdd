"""The rules of layer-wise relevance propagation for linear layers.

With inputs a_i, weights w_ij, sums z_j = Σ_i a_i w_ij + b_j and relevance R_j of the outputs. A superscript ±
is the positive or negative part of a whole term, (a_i w_ij)^±, so that inputs may have either sign.

``bias`` says what becomes of the share of R_j that belongs to b_j: ``absorb`` leaves it with the bias,
``ignore`` leaves the bias out of the sums, ``spread`` gives it to the inputs of output j in equal parts b_j /
V_j, V_j their number (padding not counted).

``stabiliser`` is added to every denominator with its sign, that of 0 being +1; where the denominator is zero
all the same, its relevance goes nowhere.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, fx

from pyxai.checks import non_negative, one_of
from pyxai.propagation.layers import Layer, Weighting
from pyxai.propagation.lrp.relevance import (
    Relevance,
    arriving,
    divided,
    holder,
    relevance_reads,
    taken,
)
from pyxai.propagation.walk import Tape

STABILISER = 1e-6
Bias = Literal["absorb", "ignore", "spread"]
BIASES = ("absorb", "ignore", "spread")


class LinearRule:
    """How relevance goes back through one :class:`Layer`.

    A rule that gives an input of zero no relevance returns multipliers of the layer's source; others return
    relevance.
    """

    def check(self, layer: Layer) -> None:
        """Raise a :class:`ValueError` where the rule does not fit the layer."""

    def gives(self, layer: Layer) -> fx.Node | None:
        """The form of what :meth:`backward` returns."""
        return layer.source

    def reads(self, layer: Layer, form: fx.Node | None) -> set[fx.Node]:
        """Nodes whose values :meth:`backward` reads, for a message of this form."""
        raise NotImplementedError

    def backward(self, layer: Layer, message: Relevance, tape: Tape) -> Relevance:
        """The message for the layer's source; leaves what the bias took in ``tape.shares``."""
        raise NotImplementedError

    def losses(self, layer: Layer, message: Relevance, tape: Tape) -> dict[str, Tensor]:
        """Reason to relevance of each output that goes neither to an input nor to a bias (negative: made)."""
        return {}


@dataclass(frozen=True, kw_only=True)
class _SumsRule(LinearRule):
    """Rules of the form R_i = a_i Σ_j (weights) R_j / (sums); they share the treatment of the bias."""

    bias: Bias = "absorb"

    def __post_init__(self):
        one_of("bias", self.bias, BIASES)

    def gives(self, layer):
        return None if self._spreads(layer) else layer.source

    def _spreads(self, layer: Layer) -> bool:
        return self.bias == "spread" and layer.bias is not None

    def _ignores(self, layer: Layer) -> bool:
        return self.bias == "ignore" and layer.bias is not None

    def _plain_sums(self, layer: Layer, tape: Tape) -> Tensor:
        """The layer's own sums, without the bias where that is left out."""
        sums = tape[layer.step.node]
        if not self._ignores(layer):
            return sums
        return sums - layer.bias_terms(torch.ones_like(sums[:1]), layer.bias)

    def _sums(self, weighting: Weighting, layer: Layer, tape: Tape) -> Tensor:
        return weighting.sums(tape[layer.source], self.bias != "ignore")

    def _on_zeros(self, weighting: Weighting, layer: Layer, message: Relevance, tape: Tape) -> Tensor:
        """Relevance of the outputs whose sum with these weights has no terms."""
        return arriving(message, tape) * (self._sums(weighting, layer, tape) == 0)

    def _deliver(self, layer: Layer, parts: list[tuple[float, Weighting, Tensor]], tape: Tape) -> Relevance:
        """Σ over the parts (coefficient, weights, quotients R_j / sums) of what they give the source."""
        total = spread = None
        for coefficient, weighting, quotients in parts:
            found = weighting.multipliers(quotients, tape)
            if total is None:
                total = found if coefficient == 1 else found * coefficient
            else:
                total = torch.add(total, found, alpha=coefficient)
            if weighting.bias is None or self.bias == "ignore":
                continue
            if self.bias == "absorb":
                tape.absorb(layer.step, coefficient * weighting.share(quotients))
            else:
                terms = coefficient * layer.bias_terms(quotients, weighting.bias)
                spread = terms if spread is None else spread + terms
        if not self._spreads(layer):
            return Relevance(total, layer.source)
        values = tape[layer.source]
        return Relevance(values * total + layer.equally(spread, tape), None)

    def _reads_to_deliver(self, layer: Layer, *weightings: Weighting) -> set[fx.Node]:
        sided = any(weighting.reads_source for weighting in weightings)
        return {layer.source} if sided or self._spreads(layer) else set()


@dataclass(frozen=True)
class Epsilon(_SumsRule):
    """R_i = Σ_j a_i w_ij R_j / (z_j + ε sign z_j); ε = 0 is LRP-0 (survey eq. 12 and 13)."""

    epsilon: float = STABILISER

    def __post_init__(self):
        super().__post_init__()
        non_negative("epsilon", self.epsilon)

    def reads(self, layer, form):
        delivers = self._reads_to_deliver(layer, layer.plain)
        if self._ignores(layer):
            return delivers | relevance_reads(form) | {layer.step.node}
        if form is layer.step.node and self.epsilon == 0:
            return delivers
        return delivers | relevance_reads(form) | {holder(layer.step.node, form)}

    def backward(self, layer, message, tape):
        if message.of is layer.step.node and self.epsilon == 0 and not self._ignores(layer):
            quotients = message.factor
        else:
            sums, spare = self._denominator(layer, message, tape)
            quotients = divided(message, sums, tape, self.epsilon, spare)
        return self._deliver(layer, [(1, layer.plain, quotients)], tape)

    def losses(self, layer, message, tape):
        sums, _ = self._denominator(layer, message, tape)
        return {"ε": taken(arriving(message, tape), sums, self.epsilon)}

    def _denominator(self, layer: Layer, message: Relevance, tape: Tape) -> tuple[Tensor, bool]:
        """The sums, and whether they may be written over."""
        if self._ignores(layer):
            return self._plain_sums(layer, tape), True
        node = holder(layer.step.node, message.of)
        return tape[node], node in tape.spare


@dataclass(frozen=True)
class ZPlus(_SumsRule):
    """R_i = Σ_j (a_i w_ij)⁺ R_j / Σ_i (a_i w_ij)⁺: αβ with α = 1, β = 0 (Montavon et al. 2017)."""

    stabiliser: float = STABILISER

    def __post_init__(self):
        super().__post_init__()
        non_negative("stabiliser", self.stabiliser)

    def reads(self, layer, form):
        return {layer.source} | relevance_reads(form)

    def backward(self, layer, message, tape):
        sums = self._sums(layer.positive, layer, tape)
        quotients = divided(message, sums, tape, self.stabiliser, spare=True)
        return self._deliver(layer, [(1, layer.positive, quotients)], tape)

    def losses(self, layer, message, tape):
        return {"no positive part": self._on_zeros(layer.positive, layer, message, tape)}


@dataclass(frozen=True)
class AlphaBeta(_SumsRule):
    """R_i = Σ_j (α (a_i w_ij)⁺ / Σ_i (·)⁺ - β (a_i w_ij)⁻ / Σ_i (·)⁻) R_j, with α - β = 1 (survey eq. 14)."""

    alpha: float = 2.0
    beta: float = 1.0
    stabiliser: float = STABILISER

    def __post_init__(self):
        super().__post_init__()
        non_negative("beta", self.beta)
        non_negative("stabiliser", self.stabiliser)
        if abs(self.alpha - self.beta - 1) > 1e-9:
            raise ValueError(f"`alpha` - `beta` must be 1, got {self.alpha} - {self.beta}")

    def reads(self, layer, form):
        return {layer.source} | relevance_reads(form)

    def backward(self, layer, message, tape):
        parts = []
        for coefficient, weighting in ((self.alpha, layer.positive), (-self.beta, layer.negative)):
            if coefficient:
                sums = self._sums(weighting, layer, tape)
                quotients = divided(message, sums, tape, self.stabiliser, spare=True)
                parts.append((coefficient, weighting, quotients))
        return self._deliver(layer, parts, tape)

    def losses(self, layer, message, tape):
        return {
            "no positive part": self.alpha * self._on_zeros(layer.positive, layer, message, tape),
            "no negative part": -self.beta * self._on_zeros(layer.negative, layer, message, tape),
        }


@dataclass(frozen=True)
class Gamma(_SumsRule):
    """R_i = Σ_j (a_i w_ij + γ (a_i w_ij)^±) R_j / Σ_i (·), the sign that of z_j (survey eq. 15).

    For a_i ≥ 0 and z_j > 0 that is w + γ w⁺ of the original rule (Montavon et al. 2019); with the other sign
    it is the generalised rule, which serves outputs behind which no ReLU follows and inputs of either sign.
    γ = ∞ is the limit in which only the terms of z_j's sign count.
    """

    gamma: float = 0.25
    stabiliser: float = STABILISER

    def __post_init__(self):
        super().__post_init__()
        if self.gamma != math.inf:
            non_negative("gamma", self.gamma)
        non_negative("stabiliser", self.stabiliser)

    def reads(self, layer, form):
        signs = layer.step.node if self._ignores(layer) else holder(layer.step.node, form)
        return {layer.source, signs} | relevance_reads(form)

    def backward(self, layer, message, tape):
        favour = self._favouring(layer, 1)
        if holder(layer.step.node, message.of) is not layer.step.node and not self._ignores(layer):
            sums = self._sums(favour, layer, tape)
            quotients = divided(message, sums, tape, self.stabiliser, spare=True)
            return self._deliver(layer, [(1, favour, quotients)], tape)
        positive = self._sums(layer.positive, layer, tape)
        # z⁻ = z - z⁺ does not cancel where z is negative, so that one more forward pass serves both signs
        plain = self._plain_sums(layer, tape)
        all_terms, gamma = self._scales
        upper, lower = all_terms * plain + gamma * positive, (all_terms + gamma) * plain - gamma * positive
        favoured = torch.where(plain > 0, upper, lower)
        quotients = divided(message, favoured, tape, self.stabiliser, spare=True)
        above, below = quotients * (plain > 0), quotients * (plain < 0)
        return self._deliver(layer, [(1, favour, above), (1, self._favouring(layer, -1), below)], tape)

    def losses(self, layer, message, tape):
        return {"on zeros": arriving(message, tape) * (self._plain_sums(layer, tape) == 0)}

    def _favouring(self, layer: Layer, sign: int) -> Weighting:
        all_terms, gamma = self._scales
        return layer.weighting(all_terms, gamma * (sign > 0), gamma * (sign < 0))

    @property
    def _scales(self) -> tuple[float, float]:
        """Weights of all terms and of those that are favoured."""
        return (0.0, 1.0) if self.gamma == math.inf else (1.0, self.gamma)
