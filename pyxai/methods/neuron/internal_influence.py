"""Internal influence."""

from __future__ import annotations

from torch import Tensor

from pyxai import ops
from pyxai.capture.executor import Executor
from pyxai.methods.neuron.at_layer import AtLayer
from pyxai.methods.path.along_path import AlongPath
from pyxai.methods.path.line import Path
from pyxai.methods.targets import Target


class InternalInfluence(AtLayer, AlongPath):
    """Mean gradient by a layer's values on the line from a baseline to the image (Leino et al. 2018)."""

    name = "internal_influence"

    def path(self, executor: Executor, images: Tensor, start: Tensor, target: Target) -> Path:
        return InfluencePath(executor, images, start, target)

    def ends(self, executor, images, start, logits):
        return executor.scores(images) if logits is None else logits, None


class InfluencePath(Path):
    """The gradient by a layer's values, at images on the line from ``start`` to ``images``."""

    def __init__(self, executor: Executor, images: Tensor, start: Tensor, target: Target):
        self._start, self._end, self._layer = start, images, executor.layer
        shape = executor.layer_shape(self._layer)
        super().__init__(executor, images.new_zeros(()).expand(len(images), *shape), target)

    def integrand(self, index, position):
        return self._gradients(ops.path_points(self._start, self._end, index, position), index)

    def _gradients(self, points, index):
        found = self.executor.layer_gradients(points, (self._layer,), self.classes(index))[1][self._layer]
        return [self.executor.of_images(self._layer, gradient) for gradient in found]
