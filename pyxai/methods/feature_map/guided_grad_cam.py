"""Guided Grad-CAM."""

from __future__ import annotations

from functools import cached_property

from pyxai.capture.executor import Executor
from pyxai.capture.needs import Needs
from pyxai.methods.feature_map.grad_cam import GradCAM
from pyxai.methods.feature_map.layered import Layered
from pyxai.methods.propagation.guided_backprop import GuidedBackprop
from pyxai.methods.request import Maps, Request


class GuidedGradCAM(Layered):
    """Guided backpropagation times Grad-CAM at the size of the image (survey §4.6; Selvaraju et al. 2017)."""

    name = "guided_grad_cam"

    needs = Needs.GRAPH
    volumes = True

    @cached_property
    def _parts(self) -> tuple[GuidedBackprop, GradCAM]:
        return GuidedBackprop(), GradCAM(layer=self.layer, grid=self.grid)

    def attribute(self, executor: Executor, request: Request) -> Maps:
        maps, where = (part.attribute(executor, request) for part in self._parts)
        pairs = zip(maps.attribution, where.attribution, strict=True)
        maps.attribution = [signal * place for signal, place in pairs]
        maps.evaluations = maps.evaluations + where.evaluations
        return maps
