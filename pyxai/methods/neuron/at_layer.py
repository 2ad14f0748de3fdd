"""What methods share whose maps have the axes of an inner layer."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from pyxai.capture.executor import Executor
from pyxai.methods.feature_map.layered import sides
from pyxai.methods.feature_map.picture import Picture, enlarged
from pyxai.methods.neuron.one_layer import OneLayer
from pyxai.methods.request import Maps, Request


class AtLayer(OneLayer, Picture):
    """A value for each unit of an inner layer, as the layer has them unless the options make pictures of it.

    Attributes:
        relu: Whether negative values become zero.
        normalize: ``min_max`` brings the values of each image to [0, 1] by the least and the greatest,
            ``max`` divides them by the greatest where that is positive, ``none`` leaves them. Values that are
            all the same become zero by ``min_max``.
        upsample: Whether each channel of a layer that is a map gets the size of the image, (N, channels, H,
            W), by linear interpolation between the centres of the layer's places. Else the values have the
            axes of the layer, (N, …).
        grid: Rows and columns of the layer, for ``upsample`` where they cannot be told from its values. The
            last tokens lie on the grid, row by row.
    """

    of_layer = True
    has_unit_values = True
    keep = "attribution"
    per_channel = True

    passes_beside: ClassVar[bool] = False  # whether sums are right also where something bypasses the layer

    relu: bool = False
    upsample: bool = False
    grid: tuple | None = None

    def settle(self) -> None:
        super().settle()
        sides(self.grid)

    def attribute(self, executor: Executor, request: Request) -> Maps:
        return self.finished(super().attribute(executor, request), executor, request)

    def unit_values(self, executor: Executor, request: Request) -> Maps:
        return self.attribute(executor, request)

    def finished(self, maps: Maps, executor: Executor, request: Request) -> Maps:
        """Maps of the values of a layer, (N, …), as the options ask for them."""
        name, survey = executor.layer, executor.program.survey
        changed = self.relu or self.upsample or self.normalize != "none"
        if changed or not (self.passes_beside or executor.carries_all(name)):
            maps.expected = None
        if not self.upsample:
            maps.axes = survey.axes(name, executor.layer_shape(name))
            maps.attribution = [self.scaled(part) for part in maps.attribution]
            return maps
        layout, size = survey.layout(name, sides(self.grid)), tuple(request.images.shape[2:])
        maps.attribution = [self._picture(layout.maps(part), size) for part in maps.attribution]
        return maps

    def _picture(self, maps: Tensor, size: tuple[int, ...]) -> Tensor:
        """A layer's maps (N, channels, h, w) at the ``size`` of the image."""
        real = torch.promote_types(maps.dtype, torch.float32)
        return enlarged(self.scaled(maps.to(real)), size).to(maps.dtype)
