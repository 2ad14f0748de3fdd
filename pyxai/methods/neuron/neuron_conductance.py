"""Conductance of pixels through units of an inner layer."""

from __future__ import annotations

from torch import Tensor

from pyxai import ops
from pyxai.capture.executor import Executor, Index
from pyxai.methods.neuron.units import Units
from pyxai.methods.path.along_path import AlongPath
from pyxai.methods.path.line import Path
from pyxai.methods.targets import Target


class NeuronConductance(Units, AlongPath):
    """The part of integrated gradients that runs through units of an inner layer (Dhamdhere et al. 2018).

    That is (image - baseline) · ∫ ∂f/∂unit · ∂unit/∂image dα along the line between them, pixel by pixel. Its
    sum over the pixels is the unit's conductance.
    """

    name = "neuron_conductance"
    volumes = True
    units = ""  # a class is explained, through them

    def path(self, executor: Executor, images: Tensor, start: Tensor, target: Target) -> Path:
        return _ThroughUnits(executor, images, start, target, self.index(executor))

    def ends(self, executor, images, start, logits):
        return executor.scores(images) if logits is None else logits, None


class _ThroughUnits(Path):
    """The part of the gradient by the image that runs through units, times the difference of the ends."""

    def __init__(self, executor: Executor, images: Tensor, start: Tensor, target: Target, unit: Index):
        self._start, self._end, self._unit = start, images, unit
        super().__init__(executor, images, target)

    def integrand(self, index, position):
        points, executor = ops.path_points(self._start, self._end, index, position), self.executor
        return executor.unit_gradients(points, executor.layer, self._unit, self.classes(index))[0]

    def maps(self, means, chosen):
        start = self._start if len(self._start) == 1 else self._start[chosen]
        return (self._end[chosen] - start) * means
