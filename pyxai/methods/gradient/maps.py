"""The gradient of class scores by the image, which every method of the family starts from."""

from __future__ import annotations

import torch

from pyxai.capture.executor import Executor
from pyxai.methods.blocks import by_blocks
from pyxai.methods.request import Maps, Request


def gradient_maps(executor: Executor, request: Request) -> Maps:
    """The gradient of each chosen class score by the image."""

    def explain(rows: slice) -> Maps:
        part = request[rows]
        gradients, scores, classes = executor.gradients(part.images, part.target.choose)
        return Maps(gradients, classes, scores, evaluations=torch.ones_like(part.ids))

    return by_blocks(executor, request.images, explain)
