"""What methods share that explain units of an inner layer as others explain a score."""

from __future__ import annotations

import dataclasses

import torch

from pyxai.capture.executor import Executor
from pyxai.methods.neuron.units import Units
from pyxai.methods.request import Maps, Request
from pyxai.methods.targets import Target


class OfUnits(Units):
    """A method of gradients on a model that ends with units of an inner layer, whose sum is its one score."""

    def attribute(self, executor: Executor, request: Request) -> Maps:
        first = torch.zeros_like(request.ids)[:, None]
        asked = dataclasses.replace(request, target=Target(first, 0, request.target.single))
        maps = super().attribute(executor.of_units(executor.layer, self.index(executor)), asked)
        maps.target = torch.full_like(first, -1)
        return maps
