"""Messages of relevance, the rules that pass them on, and the one division that all of them make."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, fx

from pyxai import ops
from pyxai.propagation.steps import finite
from pyxai.propagation.walk import Rule, Step, Tape


@dataclass(frozen=True, eq=False)
class Relevance:
    """Relevance of a node's value, as a product that is not carried out where it need not be.

    Attributes:
        factor: like the node's value.
        of: relevance is ``factor`` times the value of this node, the same node (``factor`` then is its
            multiplier) or an activation of it. None: ``factor`` is the relevance. ``of`` is the message's
            form.
    """

    factor: Tensor
    of: fx.Node | None


def relevance(message: Relevance, tape: Tape, spare: bool = False) -> Tensor:
    """The relevance itself.

    Args:
        spare: whether it may be written over the value that it is a product with.
    """
    if message.of is None:
        return message.factor
    value = tape[message.of]
    return torch.mul(message.factor, value, out=value) if spare else message.factor * value


def arriving(message: Relevance, tape: Tape) -> Tensor:
    """As :func:`relevance`, where values may be infinite: masked scores, at which nothing arrives."""
    if message.of is None:
        return message.factor
    return message.factor * finite(tape[message.of])


def relevance_reads(form: fx.Node | None) -> set[fx.Node]:
    """Nodes that :func:`relevance` reads."""
    return set() if form is None else {form}


def holder(node: fx.Node, form: fx.Node | None) -> fx.Node:
    """What to read for the value of ``node``: ``form`` if it is its ReLU, equal wherever relevance is."""
    rectified = form is not None and form.target is torch.ops.aten.relu.default and form.args[0] is node
    return form if rectified else node


def multiplier(message: Relevance, node: fx.Node, tape: Tape) -> Tensor:
    """Relevance by the value of ``node``, to which the message is; what sits on zeros is lost."""
    return message.factor if message.of is node else divided(message, tape[node], tape)


def multiplier_reads(form: fx.Node | None, node: fx.Node) -> set[fx.Node]:
    """Nodes that :func:`multiplier` reads."""
    return set() if form is node else {node, *relevance_reads(form)}


def divided(
    message: Relevance, denominator: Tensor, tape: Tape, epsilon: float = 0.0, spare: bool = False
) -> Tensor:
    """R / (denominator + epsilon · sign(denominator)), with sign(0) = +1; zero where that is zero.

    Args:
        spare: whether it may be written over the denominator, which has all rows and is read no more.
    """
    factor = None if message.of is None else tape[message.of]
    if not spare:
        return ops.stabilised_divide(message.factor, denominator, factor, epsilon)
    ops.stabilised_divide_(denominator, message.factor, factor, epsilon)
    return denominator


def taken(found: Tensor, sums: Tensor, epsilon: float) -> Tensor:
    """What of the relevance ``found`` a stabilised division by ``sums`` keeps back."""
    return found - finite(sums) * ops.stabilised_divide(found, sums, None, epsilon)


class RelevanceRule(Rule):
    """How relevance goes back through one step."""

    def losses(self, step: Step, message: Relevance, tape: Tape) -> dict[str, Tensor]:
        """Reason to relevance of each value that goes neither to a source nor to a bias (negative: made)."""
        return {}


class FromMultiplier(RelevanceRule):
    """Rules that start from the multiplier of the step's value: relevance that sits on zeros has none."""

    def losses(self, step, message, tape):
        if message.of is step.node:
            return {}
        return {"on zeros": arriving(message, tape) * (tape[step.node] == 0)}


def add(node: fx.Node, first: Relevance, second: Relevance, tape: Tape) -> Relevance:
    """Sum of two messages for ``node``."""
    if first.of is second.of:
        return Relevance(first.factor + second.factor, first.of)
    return Relevance(relevance(first, tape) + relevance(second, tape), None)


def join(node: fx.Node, first: fx.Node | None, second: fx.Node | None):
    """Form of a sum, and the nodes that :func:`add` reads."""
    if first is second:
        return first, ()
    return None, relevance_reads(first) | relevance_reads(second)
