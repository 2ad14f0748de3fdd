"""Integrated Gradients at an inner layer."""

from __future__ import annotations

from torch import Tensor

from pyxai import ops
from pyxai.capture.executor import Executor
from pyxai.methods.neuron.at_layer import AtLayer
from pyxai.methods.path.along_path import AlongPath
from pyxai.methods.path.line import Path
from pyxai.methods.targets import Target


class LayerIntegratedGradients(AtLayer, AlongPath):
    """Difference of a layer's values from a baseline's times the mean gradient between (Aumann–Shapley).

    The line runs from the layer's values for the baseline to those for the image; what bypasses the layer is
    as for the image. ``expected`` is f(image) - mean f(image with the layer's values for the baseline).
    """

    name = "layer_integrated_gradients"
    passes_beside = True

    def path(self, executor: Executor, images: Tensor, start: Tensor, target: Target) -> Path:
        layer = executor.layer
        values = (executor.activations(part, (layer,))[layer] for part in (start, images))
        return ValuePath(executor, images, *(executor.of_images(layer, part) for part in values), target)

    def ends(self, executor, images, start, logits):
        logits = executor.scores(images) if logits is None else logits
        values = executor.activations(start, (executor.layer,))[executor.layer]
        if len(start) < len(images):
            values = values.repeat(len(images), *[1] * (values.ndim - 1))
        return logits, executor.scores_from(images, {executor.layer: values})


class ValuePath(Path):
    """The gradient by a layer's values on the line between two of them, times their difference.

    Args:
        images: (N, C, H, W), which what bypasses the layer is of.
        start, end: (N or 1, …) and (N, …), as :meth:`Executor.of_images` gives values.
    """

    def __init__(self, executor: Executor, images: Tensor, start: Tensor, end: Tensor, target: Target):
        self._images, self._layer, self._start, self._end = images, executor.layer, start, end
        super().__init__(executor, end, target)

    def integrand(self, index, position):
        values = ops.path_points(self._start, self._end, index, position)
        images = self._images[index]
        return self.executor.gradients_at(images, self._layer, values, self.classes(index))[0]

    def maps(self, means, chosen):
        start = self._start if len(self._start) == 1 else self._start[chosen]
        return (self._end[chosen] - start) * means
