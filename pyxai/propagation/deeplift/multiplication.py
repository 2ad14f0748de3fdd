"""DeepLIFT as a walk: which rule each step of a graph takes."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, fx

from pyxai.capture import vocabulary
from pyxai.capture.calls import deviation
from pyxai.propagation.deeplift.choices import Choice, CrossMaximum, CrossMaxPool, Jump, Larger
from pyxai.propagation.deeplift.linear import (
    Cast,
    Channelwise,
    Interpolation,
    Joined,
    Mixing,
    Rearrangement,
    Scale,
    Selection,
    Sum,
)
from pyxai.propagation.deeplift.multipliers import MultiplierRule, Multipliers, PairedTape
from pyxai.propagation.deeplift.reveal_cancel import Magnitudes, RevealCancel, RevealCancelReLU
from pyxai.propagation.deeplift.rules import (
    LogSumExp,
    Normalisation,
    Product,
    Quotient,
    Rescale,
    RescaleReLU,
    Softmax,
    VectorNorm,
)
from pyxai.propagation.linear import is_linear, linear_layer
from pyxai.propagation.steps import is_cast, is_complex
from pyxai.propagation.walk import Propagation, Step, Tape, constants, varying_steps

aten = torch.ops.aten

CURE = "use a method that asks for gradients only, such as integrated_gradients"
ActivationRule = Literal["rescale", "reveal_cancel", "mixed"]
FUNCTIONS = (  # of one number
    vocabulary.ACTIVATIONS
    | vocabulary.INVERSES
    | {
        aten.cos.default,
        aten.exp.default,
        aten.log.default,
        aten.log_sigmoid.default,
        aten.pow.Tensor_Scalar,
    }
)


class Multiplication(Propagation):
    """DeepLIFT on one graph.

    Args:
        module: an elementary graph.
        rule: that of activations.
    """

    def __init__(self, module: fx.GraphModule, rule: ActivationRule):
        self._rule = rule
        self._constants = constants(module)
        nodes = list(module.graph.nodes)
        images = next(node for node in nodes if node.op == "placeholder")
        calls = [node for node in nodes if node.op == "call_function" and node not in self._constants]
        self._steps = {step.node: step for step in varying_steps(calls, images)}
        self._rules: dict[fx.Node, MultiplierRule] = {}
        self._magnitudes = Magnitudes(self._steps, self.rule)

    def rule(self, step: Step) -> MultiplierRule:
        if is_complex(step):
            raise step.unsupported(CURE)
        if step.node not in self._rules:
            self._rules[step.node] = self._linear(step) or self._nonlinear(step)
        return self._rules[step.node]

    def join(self, node, first, second):
        return first or second, ()

    def add(self, node, first: Multipliers, second: Multipliers, tape: Tape) -> Multipliers:
        spreads = [part.spread for part in (first, second) if part.spread is not None]
        return Multipliers(first.mean + second.mean, sum(spreads[1:], spreads[0]) if spreads else None)

    def reads(self, node, form):
        return self._magnitudes.reads(node) if form else ()

    def contributions(self, node: fx.Node, message: Multipliers, tape: PairedTape) -> Tensor:
        """What each value of ``node`` accounts for of what the walk started from: m⁺ Δ⁺ + m⁻ Δ⁻."""
        found = message.mean * tape.difference(node)
        return found if message.spread is None else found + message.spread * self._magnitudes.of(node, tape)

    def _linear(self, step: Step) -> MultiplierRule | None:
        target = step.node.target
        if is_linear(step, self._constants):
            layer = linear_layer(step, self._constants)
            if target in vocabulary.CONVOLUTIONS | vocabulary.DENSE:
                return Mixing(layer)
            return Interpolation() if target in vocabulary.BICUBIC else Channelwise(layer)
        if target is aten.cat.default:
            return Joined()
        if target in vocabulary.REARRANGEMENTS:
            return Rearrangement()
        if is_cast(step, masks=True) or target is aten.detach.default:
            return Cast()
        if target in vocabulary.SUMS:
            return Sum()
        if target in vocabulary.SCALES and _varying_factors(step) == 1:
            if target is aten.div.Tensor and step.node.args[0] is not step.sources[0]:
                return None
            return Scale()
        chosen_alike = target in vocabulary.SELECTIONS and step.node.args[0] not in step.sources
        return Selection() if chosen_alike else None

    def _nonlinear(self, step: Step) -> MultiplierRule:
        target = step.node.target
        if target in FUNCTIONS:
            return self._activation(step)
        if target in vocabulary.MAX_POOLS:
            return CrossMaxPool()
        if target in vocabulary.PRODUCTS:
            return Product()
        if target in vocabulary.QUOTIENTS:
            return Quotient()
        if target in vocabulary.SOFTMAXES | vocabulary.LOG_SOFTMAXES:
            return Softmax(target in vocabulary.LOG_SOFTMAXES)
        if target is aten.logsumexp.default:
            return LogSumExp()
        if target in vocabulary.NORMALISATIONS:
            return Normalisation()
        if target in vocabulary.MAXIMA | vocabulary.MINIMA:
            return CrossMaximum()
        if target in vocabulary.LARGER | vocabulary.SMALLER:
            return Larger()
        if target in vocabulary.JUMPS and step.sources[0].meta["val"].is_floating_point():
            return Jump()
        if target in vocabulary.SELECTIONS:
            return Choice()
        if target is aten.linalg_vector_norm.default and 0 < step.node.args[1] < math.inf:
            return VectorNorm()
        raise step.unsupported(CURE)

    def _activation(self, step: Step) -> MultiplierRule:
        if not _defined_everywhere(step.node):
            return Rescale()
        relu = step.node.target is aten.relu.default
        if self._rule == "reveal_cancel" or (self._rule == "mixed" and self._behind_dense(step)):
            return (RevealCancelReLU if relu else RevealCancel)(self._magnitudes)
        return RescaleReLU() if relu else Rescale()

    def _behind_dense(self, step: Step) -> bool:
        """Whether only scales, shifts and rearrangements lie between a dense layer and the step."""
        passed = vocabulary.REARRANGEMENTS | vocabulary.SCALES_AND_SHIFTS
        while len(step.sources) == 1 and step.sources[0] in self._steps:
            step = self._steps[step.sources[0]]
            if step.node.target not in passed:
                return step.node.target in vocabulary.DENSE and is_linear(step, self._constants)
        return False


def _defined_everywhere(node: fx.Node) -> bool:
    """Whether a function has a value at every number: RevealCancel asks for it anywhere."""
    if node.target is aten.pow.Tensor_Scalar:
        return node.args[1] >= 0 and float(node.args[1]).is_integer()
    partly = {aten.log.default, aten.log1p.default, aten.sqrt.default, deviation}
    return node.target not in vocabulary.INVERSES | partly


def _varying_factors(step: Step) -> int:
    return sum(argument in step.sources for argument in step.node.args if isinstance(argument, fx.Node))
