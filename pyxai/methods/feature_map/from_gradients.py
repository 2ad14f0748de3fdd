"""What methods share that put a layer's values and the gradient of the score by them together."""

from __future__ import annotations

import abc

from torch import Tensor

from pyxai.capture.executor import Executor
from pyxai.methods.feature_map.layer_map import LayerMap, LayerMaps
from pyxai.methods.feature_map.layered import Layouts
from pyxai.methods.request import Request


class GradientMap(LayerMap):
    """A map of a layer's values and the gradient of the score by them, found in one pass for all targets."""

    @abc.abstractmethod
    def combine(self, values: Tensor, gradient: Tensor) -> Tensor:
        """The map (r, h, w) of a layer's values and gradient, (r, C, h, w) each."""

    def layer_maps(self, executor: Executor, request: Request, layouts: Layouts) -> LayerMaps:
        values, gradients, scores, classes = executor.layer_gradients(
            request.images, tuple(layouts), request.target.choose
        )
        maps = {}
        for name, layout in layouts.items():
            value = self.on_grid(executor, layout, values[name])
            maps[name] = [
                self.combine(value, self.on_grid(executor, layout, gradient))[: len(request)]
                for gradient in gradients[name]
            ]
        return LayerMaps(maps, classes, scores)
