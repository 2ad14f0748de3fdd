"""Grad-CAM."""

from __future__ import annotations

import torch
from torch import Tensor

from pyxai.capture.executor import Executor
from pyxai.methods.blocks import by_blocks
from pyxai.methods.feature_map.channels import image_like
from pyxai.methods.feature_map.from_gradients import GradientMap
from pyxai.methods.request import Maps, Request
from pyxai.ops import grad_cam


class GradCAM(GradientMap):
    """Channels of a layer, weighted by their mean gradients (survey §4.6; Selvaraju et al. 2017)."""

    name = "grad_cam"
    has_unit_values = True

    def combine(self, values: Tensor, gradient: Tensor) -> Tensor:
        return grad_cam(image_like(values), image_like(gradient)).view(len(values), *values.shape[2:])

    def unit_values(self, executor: Executor, request: Request) -> Maps:
        """w_k A_k, whose sum over the channels is the map before it is rectified, normalised and enlarged.

        What does not lie on the grid of the layer, as a class token, has 0.
        """
        layer = executor.layer
        layout, shape = self.layouts(executor)[layer], executor.layer_shape(layer)

        def explain(rows: slice) -> Maps:
            part = request[rows]
            values, gradients, scores, classes = executor.layer_gradients(
                part.images, (layer,), part.target.choose
            )
            maps = [
                layout.values(layout.maps(values[layer]) * _channel_means(layout.maps(gradient)), shape)
                for gradient in gradients[layer]
            ]
            return Maps(maps, classes, scores, torch.ones_like(part.ids))

        maps = by_blocks(executor, request.images, explain)
        maps.axes = executor.program.survey.axes(layer, shape)
        return maps


def _channel_means(maps: Tensor) -> Tensor:
    """The mean of each channel of maps (n, C, …), of which each row is summed by itself, (n, C, 1, …)."""
    means = torch.stack([one.flatten(1).mean(1) for one in maps])
    return means.view(*means.shape, *[1] * (maps.ndim - 2))
