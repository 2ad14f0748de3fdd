"""What methods share that look at a layer's values alone."""

from __future__ import annotations

import abc

from torch import Tensor

from pyxai.capture.executor import Executor
from pyxai.capture.needs import Needs
from pyxai.methods.feature_map.layer_map import LayerMap, LayerMaps
from pyxai.methods.feature_map.layered import Layouts
from pyxai.methods.request import Request


class ActivationMap(LayerMap):
    """A map of a layer's values, the same for all classes."""

    needs = Needs.SCORES

    @abc.abstractmethod
    def combine(self, values: Tensor) -> Tensor:
        """The map (r, h, w) of a layer's values (r, C, h, w)."""

    def layer_maps(self, executor: Executor, request: Request, layouts: Layouts) -> LayerMaps:
        logits, values = executor.scores_and_activations(request.images, tuple(layouts))
        classes = request.target.choose(logits)
        maps = {}
        for name, layout in layouts.items():
            found = self.combine(self.on_grid(executor, layout, values[name]))[: len(request)]
            maps[name] = [found] * classes.shape[1]
        return LayerMaps(maps, classes, logits.gather(1, classes))
