"""The gradient of class scores by the image, which every method of the family starts from."""

from __future__ import annotations

import torch

from pyxai.capture.executor import Executor
from pyxai.methods.request import Maps, Request


def gradient_maps(executor: Executor, request: Request) -> Maps:
    """The gradient of each chosen class score by the image."""
    images, count = request.images, request.target.count
    maps = [torch.empty_like(images) for _ in range(count)]
    scores = images.new_empty(len(images), count)
    classes = torch.empty(len(images), count, dtype=torch.int64, device=images.device)
    for block in executor.blocks(len(images)):
        gradients, scores[block], classes[block] = executor.gradients(
            images[block], lambda logits, block=block: request.target.choose(logits, block)
        )
        for whole, part in zip(maps, gradients, strict=True):
            whole[block] = part
    return Maps(
        attribution=maps,
        target=classes,
        score=scores,
        evaluations=torch.ones(len(images), dtype=torch.int64, device=images.device),
    )
