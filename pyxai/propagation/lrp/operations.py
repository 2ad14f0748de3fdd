"""How relevance passes the steps that are no linear layers: sums, products, pools, activations, attention."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, fx

from pyxai import ops
from pyxai.capture.vocabulary import (
    INVERSES,
    LARGER,
    MAXIMA,
    MINIMA,
    REARRANGEMENTS,
    SIGMOIDS,
    SMALLER,
    SOFTMAXES,
)
from pyxai.propagation import pools, vjp
from pyxai.propagation.lrp.relevance import (
    FromMultiplier,
    Relevance,
    RelevanceRule,
    arriving,
    divided,
    holder,
    multiplier,
    multiplier_reads,
    relevance,
    relevance_reads,
    taken,
)
from pyxai.propagation.lrp.rules import STABILISER
from pyxai.propagation.norms import norm
from pyxai.propagation.per_image import image_sums
from pyxai.propagation.steps import addend_weights, cast_back, finite, selected
from pyxai.propagation.walk import Step

aten = torch.ops.aten

# What a product by `signal` takes for the share of its other factor that is let through.
GATES = SIGMOIDS | SOFTMAXES | {aten.tanh.default}
HOMOGENEOUS = (  # f(c x) = c f(x) for c > 0
    LARGER | SMALLER | MAXIMA | MINIMA | {aten.linalg_vector_norm.default}
)


class Rearrangement(RelevanceRule):
    """Relevance moves with its value; where one value became several, theirs is summed.

    What constants got stays with them, like a bias's share.
    """

    def plan(self, step, form):
        gives = form is step.node
        reads = set() if gives else relevance_reads(form)
        return [(source, source if gives else None) for source in step.sources], reads

    def backward(self, step, message, tape):
        own = message.of is step.node
        constants = [node for node in step.constants if _holds_values(node)]
        values = message.factor if own else relevance(message, tape)
        parts = self._move(step, values, [*step.sources, *constants], tape)
        for constant in reversed(constants):
            share = parts.pop()
            tape.absorb(step, image_sums(constant, share * finite(tape[constant]) if own else share))
        return [
            Relevance(part, source if own else None) for source, part in zip(step.sources, parts, strict=True)
        ]

    def _move(self, step: Step, values: Tensor, nodes: list[fx.Node], tape) -> list[Tensor]:
        return vjp.transpose(step, values, tape, nodes)


def _holds_values(node: fx.Node) -> bool:
    """Whether a node is a tensor of numbers like those of the images: no size, mask or index."""
    value = node.meta.get("val")
    return isinstance(value, Tensor) and value.is_floating_point()


class Cast(Rearrangement):
    """A change of precision."""

    def _move(self, step, values, nodes, tape):
        return [cast_back(step, values)]


class Joined(Rearrangement):
    """``cat``: each source takes its slice."""

    def _move(self, step, values, nodes, tape):
        joined, dim = (*step.node.args, 0)[:2]
        sizes = [
            (tape.layouts[node][0] if node in tape.layouts else tape[node].shape)[dim] for node in joined
        ]
        parts: dict[fx.Node, Tensor] = {}
        for node, part in zip(joined, values.split(sizes, dim), strict=True):
            parts[node] = parts[node] + part if node in parts else part
        return [parts[node] for node in nodes]


@dataclass(frozen=True)
class Sum(RelevanceRule):
    """R_i = a_i R / (Σ a + ε sign Σ a); a constant's share stays with it, like a bias's."""

    stabiliser: float = STABILISER

    def plan(self, step, form):
        routes = [(source, source) for source in step.sources]
        if form is step.node and self.stabiliser == 0:
            return routes, ()
        return routes, {*relevance_reads(form), holder(step.node, form)}

    def backward(self, step, message, tape):
        if message.of is step.node and self.stabiliser == 0:
            quotients = message.factor
        else:
            node = holder(step.node, message.of)
            quotients = divided(message, tape[node], tape, self.stabiliser, node in tape.spare)
        weights = addend_weights(step.node)
        parts: dict[fx.Node, Tensor] = {}
        for addend, weight in weights:
            part = quotients if weight == 1 else quotients * weight
            if addend in step.sources:
                part = part.sum_to_size(tape.layouts[addend][0])
                parts[addend] = part if addend not in parts else parts[addend] + part
            else:
                constant = tape[addend] if isinstance(addend, fx.Node) else addend
                if isinstance(constant, Tensor):
                    constant = finite(constant)
                tape.absorb(step, image_sums(step.node, part * constant))
        return [Relevance(parts[source], source) for source in step.sources]

    def losses(self, step, message, tape):
        return {"ε": taken(arriving(message, tape), tape[holder(step.node, message.of)], self.stabiliser)}


class PositiveSum(RelevanceRule):
    """R_i = a_i⁺ R / Σ a⁺, constants left out: z⁺ for the sum of a residual connection."""

    def plan(self, step, form):
        reads = relevance_reads(form) | set(step.sources)
        return [(source, source) for source in step.sources], reads

    def backward(self, step, message, tape):
        terms = self._terms(step, tape)
        quotients = divided(message, self._sums(step, terms, tape), tape, spare=True)
        return [self._part(quotients, terms[source], source, tape) for source in step.sources]

    def losses(self, step, message, tape):
        sums = self._sums(step, self._terms(step, tape), tape)
        return {"no positive part": arriving(message, tape) * (sums == 0)}

    @staticmethod
    def _terms(step: Step, tape) -> dict[fx.Node, Tensor]:
        terms: dict[fx.Node, Tensor] = {}
        for addend, weight in addend_weights(step.node):
            if addend in step.sources:
                terms[addend] = terms.get(addend, 0) + weight * tape[addend]
        return terms

    @staticmethod
    def _sums(step: Step, terms: dict[fx.Node, Tensor], tape) -> Tensor:
        sums, shape = sum(term.clamp(min=0) for term in terms.values()), tape.layouts[step.node][0]
        return sums if sums.shape == shape else sums.expand(shape).clone()  # a constant may be larger

    @staticmethod
    def _part(quotients: Tensor, term: Tensor, source: fx.Node, tape) -> Relevance:
        relevance = (quotients * term.clamp(min=0)).sum_to_size(tape.layouts[source][0])
        return Relevance(ops.stabilised_divide(relevance, tape[source]), source)


class Derivative(FromMultiplier):
    """R_i = a_i Σ_j (∂f_j / ∂a_i) R_j / f_j: the first-order Taylor expansion.

    AttnLRP's rule for softmax (Achtibat et al. 2024, eq. 13), whose term of order zero keeps its share like a
    bias; winner takes all for maxima, which have none, nor do norms.
    """

    def plan(self, step, form):
        reads = multiplier_reads(form, step.node) | {step.node, *step.sources}
        return [(source, None) for source in step.sources], reads

    def backward(self, step, message, tape):
        factor = multiplier(message, step.node, tape)
        derivatives = vjp.derivative(step, factor, tape)
        parts = [  # scores that a mask put to -∞ have no derivative
            (tape[source] * part).masked_fill(part == 0, 0)
            for source, part in zip(step.sources, derivatives, strict=True)
        ]
        passed = sum(image_sums(source, part) for source, part in zip(step.sources, parts, strict=True))
        tape.absorb(step, image_sums(step.node, tape[step.node] * factor) - passed)
        return [Relevance(part, None) for part in parts]


class LogSumExp(RelevanceRule):
    """R_i = exp(a_i) R / Σ exp(a): a sum shares by its terms, exponential and logarithm pass relevance on."""

    def plan(self, step, form):
        return [(step.sources[0], None)], relevance_reads(form) | {step.sources[0]}

    def backward(self, step, message, tape):
        return [Relevance(part, None) for part in vjp.derivative(step, relevance(message, tape), tape)]


class Scale(FromMultiplier):
    """A product with a constant passes relevance on."""

    def plan(self, step, form):
        return [(step.sources[0], step.sources[0])], multiplier_reads(form, step.node)

    def backward(self, step, message, tape):
        source = step.sources[0]
        swapped = {source: multiplier(message, step.node, tape)}
        arguments = fx.node.map_arg(step.node.args, lambda node: swapped.get(node, tape.values.get(node)))
        part = step.node.target(*arguments, **step.node.kwargs)  # a diagonal map is its own transpose
        return [Relevance(part.sum_to_size(tape.layouts[source][0]), source)]


@dataclass(frozen=True)
class Product(FromMultiplier):
    """A product of values that both depend on the image.

    Attributes:
        split: ``equal`` gives both half the relevance (the uniform rule of AttnLRP, Achtibat et al. 2024, eq.
            14, and the Shapley value of a product). ``signal`` gives all of it to the factor that is not a
            gate (a sigmoid, hard sigmoid, tanh or softmax), where just one is; else it splits equally.
            Neither gives any to one by a value: such a product is a quotient.
    """

    split: str = "equal"

    def plan(self, step, form):
        return [(source, source) for source in self._heirs(step)], multiplier_reads(form, step.node) | set(
            step.sources
        )

    def backward(self, step, message, tape):
        heirs = self._heirs(step)
        parts = vjp.derivative(step, multiplier(message, step.node, tape), tape)
        whole = len(heirs) == 1 and step.node.args.count(heirs[0]) == 1
        return [
            Relevance(part if whole else part / 2, source)
            for part, source in zip(parts, step.sources, strict=True)
            if source in heirs
        ]

    def _heirs(self, step: Step) -> list[fx.Node]:
        factors = [source for source in step.sources if not _made_by(source, INVERSES)]
        signals = [source for source in factors if not _made_by(source, GATES)]
        if self.split == "signal" and len(signals) == 1:
            return signals
        return factors or list(step.sources)


class Quotient(FromMultiplier):
    """a / b, both depending on the image: the numerator takes all, as the signal of a product does."""

    def plan(self, step, form):
        numerator, denominator = step.node.args
        return [(numerator, numerator)], multiplier_reads(form, step.node) | {denominator}

    def backward(self, step, message, tape):
        numerator, denominator = step.node.args
        part = multiplier(message, step.node, tape) / tape[denominator]
        return [Relevance(part.sum_to_size(tape.layouts[numerator][0]), numerator)]


def _made_by(node: fx.Node, targets: frozenset) -> bool:
    """Whether a value is that of such a call, rearranged or cast."""
    while node.target in REARRANGEMENTS | {aten._to_copy.default} and node.all_input_nodes:
        node = node.all_input_nodes[0]
    return node.target in targets


class Through(RelevanceRule):
    """R_in = R_out: an activation neither adds nor takes relevance, nor does a scale or shift of pixels."""

    def plan(self, step, form):
        if _keeps_shape(step):
            return [(step.sources[0], form)], ()
        return [(step.sources[0], None)], relevance_reads(form)

    def backward(self, step, message, tape):
        if _keeps_shape(step):
            return [message]
        return [Relevance(relevance(message, tape).sum_to_size(tape.layouts[step.sources[0]][0]), None)]


def _keeps_shape(step: Step) -> bool:
    return step.node.meta["val"].ndim == step.sources[0].meta["val"].ndim and all(
        str(after) == str(before)
        for after, before in zip(step.node.meta["val"].shape, step.sources[0].meta["val"].shape, strict=True)
    )


class Selection(RelevanceRule):
    """``where``: the value that was chosen gets the relevance; a constant's stays with it, like a bias's."""

    def plan(self, step, form):
        gives = form is step.node
        return [(source, source if gives else None) for source in step.sources], relevance_reads(form)

    def backward(self, step, message, tape):
        own = message.of is step.node
        values = message.factor if own else relevance(message, tape)
        parts: dict[fx.Node, Tensor] = {}
        for branch, part in selected(step, values, tape):
            if branch in step.sources:
                part = part.sum_to_size(tape.layouts[branch][0])
                parts[branch] = parts[branch] + part if branch in parts else part
            else:
                tape.absorb(step, image_sums(step.node, part * finite(tape[branch]) if own else part))
        return [Relevance(parts[source], source if own else None) for source in step.sources]


class MaxPool(RelevanceRule):
    """Winner takes all; a value that wins in several windows gets the relevance of all of them."""

    def plan(self, step, form):
        source = step.sources[0]
        return [(source, source if form is step.node else None)], (
            set() if form is step.node else relevance_reads(form)
        )

    def forward(self, step, arguments, settings, tape):
        return pools.pooled(step, arguments, settings, tape)

    def backward(self, step, message, tape):
        (source,) = step.sources
        own = message.of is step.node
        values = message.factor if own else relevance(message, tape)
        moved = pools.unpooled(step, values, tape, tape.notes[step])
        return [Relevance(moved, source if own else None)]


class FrozenNorm(FromMultiplier):
    """Layer, group, instance and RMS normalisation with the deviation as a constant.

    What remains is linear (subtract the mean, scale, shift), so that relevance is kept but for the shift's
    share: AttnLRP's identity rule (Achtibat et al. 2024, proposition 3.4) in its gradient form.
    """

    def plan(self, step, form):
        return [(step.sources[0], step.sources[0])], multiplier_reads(form, step.node) | {step.sources[0]}

    def backward(self, step, message, tape):
        (source,) = step.sources
        factor = multiplier(message, step.node, tape)
        over = norm(step.node, tape)
        _, scale = over.parts(tape[source])
        part = over.centred(over.shaped(over.weighted(factor)) * scale)
        if over.bias is not None:
            tape.absorb(step, image_sums(step.node, factor * over.bias))
        return [Relevance(part.reshape(tape.layouts[source][0]), source)]
