"""Conductance of the units of an inner layer."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from pyxai import ops
from pyxai.capture.executor import Executor
from pyxai.checks import expect
from pyxai.methods.neuron.at_layer import AtLayer
from pyxai.methods.neuron.internal_influence import InfluencePath
from pyxai.methods.path.along_path import AlongPath
from pyxai.methods.path.line import Path
from pyxai.methods.targets import Target

_STEPS = {"midpoint": (-0.5, 0.5), "riemann_left": (0.0, 1.0), "riemann_right": (-1.0, 0.0)}
"""Where the step of a node begins and ends, in steps from the node."""


class LayerConductance(AtLayer, AlongPath):
    """Integral of the gradient by a layer's values over how these change from a baseline to the image.

    That is ∫ ∂f/∂a · da/dα dα along the line of images, the part of integrated gradients that flows through
    each unit (Dhamdhere et al. 2018).

    Attributes:
        slope: How the change of the layer's values is found: ``derivative`` is da/dα at each node, by a
            forward derivative; ``difference`` is their difference between the two ends of each step, which
            needs ``steps`` and a rule whose steps are equal. Operations that have no forward derivative need
            the latter.

    ``expected`` is f(image) - mean f(baseline), where all that reaches the score flows through the layer.
    """

    name = "layer_conductance"

    slope: Literal["derivative", "difference"] = "derivative"

    def settle(self) -> None:
        super().settle()
        if self.slope == "difference":
            expect(self.steps is not None, "steps", "be given for slope='difference'", None)
            rules = ", ".join(map(repr, _STEPS))
            expect(self.rule in _STEPS, "rule", f"be one of {rules} for slope='difference'", repr(self.rule))

    def path(self, executor: Executor, images: Tensor, start: Tensor, target: Target) -> Path:
        if self.slope == "derivative":
            return _DerivativePath(executor, images, start, target)
        return _DifferencePath(executor, images, start, target, self.steps, _STEPS[self.rule])


class _DerivativePath(InfluencePath):
    """The gradient by a layer's values times their derivative along the line.

    The model runs once: with the derivative as far as the layer, and on from its values for the gradient.
    """

    def integrand(self, index, position):
        points = ops.path_points(self._start, self._end, index, position)
        start = self._start if len(self._start) == 1 else self._start[index]
        values, slopes = self.executor.values_and_slopes(points, self._end[index] - start, self._layer)
        found = self.executor.gradients_at(points, self._layer, values, self.classes(index))[0]
        return [gradient * slopes for gradient in found]


class _DifferencePath(InfluencePath):
    """The gradient by a layer's values times their difference between the ends of the node's step.

    Args:
        steps: how many steps there are.
        ends: where a step begins and ends, in steps from its node.
    """

    def __init__(self, executor, images, start, target, steps: int, ends: tuple[float, float]):
        super().__init__(executor, images, start, target)
        self._steps, self._ends = steps, ends

    def integrand(self, index, position):
        before, after = (self._values(index, position + end / self._steps) for end in self._ends)
        points = ops.path_points(self._start, self._end, index, position)
        slopes = (after - before) * self._steps
        return [gradient * slopes for gradient in self._gradients(points, index)]

    def _values(self, index, position):
        points = ops.path_points(self._start, self._end, index, position)
        found = self.executor.activations(points, (self._layer,))[self._layer]
        return self.executor.of_images(self._layer, found)
