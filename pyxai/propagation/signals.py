"""The gradient with another ReLU on the way back, as a walk."""

from __future__ import annotations

from typing import Literal

import torch
from torch import fx

from pyxai import ops
from pyxai.capture.derivative import is_flat
from pyxai.capture.vocabulary import MAX_POOLS, RECTIFIERS, SUMS
from pyxai.propagation import pools, vjp
from pyxai.propagation.layers import Layer
from pyxai.propagation.linear import is_linear, linear_layer
from pyxai.propagation.signs import lower_bound
from pyxai.propagation.steps import addend_weights, is_complex, is_guard, to_sources
from pyxai.propagation.walk import Propagation, Rule, Step, constants

aten = torch.ops.aten

Rectify = Literal["signal", "both"]
CURE = "torch has no derivative of it"


class Signals(Propagation):
    """Transposed layers, max-pool switches, and a rectified signal at every ReLU (survey §4.1, fig. 5).

    Args:
        module: an elementary graph.
        rectify: at a ReLU the ``signal`` that comes back loses its negative part (DeconvNet), or ``both`` the
            signal and the activation decide (guided backpropagation).

    Activations other than ReLU, ReLU6 and leaky ReLU give their derivative.
    """

    constant = staticmethod(is_flat)

    def __init__(self, module: fx.GraphModule, rectify: Rectify):
        self._rectify = rectify
        self._constants = constants(module)

    def rule(self, step: Step) -> Rule:
        target = step.node.target
        if is_complex(step):  # whose transposes are conjugate, and real where the source is
            return Derivative()
        if is_linear(step, self._constants):
            return Filter(linear_layer(step, self._constants))
        if target is aten.relu.default:
            return Derivative() if is_guard(step.node) else Rectifier(self._rectify)
        if target in RECTIFIERS or lower_bound(step.node) == 0:  # a ReLU6 may be a hard tanh from 0 to 6
            return Rectified(self._rectify)
        if target in MAX_POOLS:
            return Switches()
        return Branch() if target in SUMS else Derivative()


class Filter(Rule):
    """The transposed layer: full convolution with the filters turned by 180° (survey, appendix A)."""

    def __init__(self, layer: Layer):
        self.layer = layer

    def plan(self, step, form):
        return [(self.layer.source, None)], ()

    def backward(self, step, message, tape):
        return [self.layer.transpose(message, self.layer.weight, tape)]


class Rectifier(Rule):
    """The signal that comes back to a ReLU, without its negative part."""

    def __init__(self, rectify: Rectify):
        self._guided = rectify == "both"

    def plan(self, step, form):
        return [(step.sources[0], None)], {step.node} if self._guided else ()

    def backward(self, step, message, tape):
        if not self._guided:
            return [message.clamp(min=0)]
        value = tape[step.node] if step.node in tape.spare else tape[step.node].clone()
        ops.guided_relu_(value, message)
        return [value]


class Derivative(Rule):
    """The gradient, which for these methods is exact for every operation by definition."""

    def plan(self, step, form):
        return [(source, None) for source in step.sources], step.sources

    def backward(self, step, message, tape):
        try:
            return vjp.derivative(step, message, tape)
        except NotImplementedError:  # torch has none
            raise step.unsupported(CURE) from None


class Rectified(Derivative):
    """As :class:`Rectifier`, with the slope of a ReLU6 or leaky ReLU."""

    def __init__(self, rectify: Rectify):
        self._guided = rectify == "both"

    def backward(self, step, message, tape):
        signal = message.clamp(min=0)
        return super().backward(step, signal, tape) if self._guided else [signal]


class Switches(Rule):
    """Unpooling: each value returns to where its maximum was, adding up where windows overlap."""

    def plan(self, step, form):
        return [(step.sources[0], None)], ()

    def forward(self, step, arguments, settings, tape):
        return pools.pooled(step, arguments, settings, tape)

    def backward(self, step, message, tape):
        return [pools.unpooled(step, message, tape, tape.notes[step])]


class Branch(Rule):
    """A sum hands its signal to every addend."""

    def plan(self, step, form):
        return [(source, None) for source in step.sources], ()

    def backward(self, step, message, tape):
        weights = addend_weights(step.node)
        parts = ((addend, message if weight == 1 else message * weight) for addend, weight in weights)
        return to_sources(step, parts, tape)
