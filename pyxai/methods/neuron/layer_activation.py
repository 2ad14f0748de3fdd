"""The values of an inner layer."""

from __future__ import annotations

import torch

from pyxai.capture.executor import Executor
from pyxai.capture.needs import Needs
from pyxai.methods.blocks import by_blocks
from pyxai.methods.neuron.at_layer import AtLayer
from pyxai.methods.request import Maps, Request


class LayerActivation(AtLayer):
    """The values of an inner layer, the same for all classes."""

    name = "layer_activation"
    needs = Needs.SCORES

    def attribute(self, executor: Executor, request: Request) -> Maps:
        layer = executor.layer

        def explain(rows: slice) -> Maps:
            part = request[rows]
            logits, values = executor.scores_and_activations(part.images, (layer,))
            classes = part.target.choose(logits)
            maps = [executor.of_images(layer, values[layer])] * classes.shape[1]
            return Maps(maps, classes, logits.gather(1, classes), torch.ones_like(part.ids))

        return self.finished(by_blocks(executor, request.images, explain), executor, request)
