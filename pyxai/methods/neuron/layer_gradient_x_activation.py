"""The values of an inner layer times the gradient by them."""

from __future__ import annotations

import torch

from pyxai.capture.executor import Executor
from pyxai.methods.blocks import by_blocks
from pyxai.methods.neuron.at_layer import AtLayer
from pyxai.methods.request import Maps, Request


class LayerGradientXActivation(AtLayer):
    """Gradient of the class score by the values of an inner layer, times these values."""

    name = "layer_gradient_x_activation"

    def attribute(self, executor: Executor, request: Request) -> Maps:
        layer = executor.layer

        def explain(rows: slice) -> Maps:
            part = request[rows]
            values, gradients, scores, classes = executor.layer_gradients(
                part.images, (layer,), part.target.choose
            )
            maps = [executor.of_images(layer, values[layer] * gradient) for gradient in gradients[layer]]
            return Maps(maps, classes, scores, torch.ones_like(part.ids))

        return self.finished(by_blocks(executor, request.images, explain), executor, request)
