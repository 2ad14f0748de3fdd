"""Methods that need one gradient an image."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from pyxai.attribution.batch import Batch, Maps
from pyxai.attribution.registry import register
from pyxai.capture.executor import Executor
from pyxai.checks import one_of


def gradient_maps(executor: Executor, batch: Batch) -> Maps:
    """The gradient of each chosen class score by the image."""
    images, count = batch.images, batch.target.count
    maps = [torch.empty_like(images) for _ in range(count)]
    scores = images.new_empty(len(images), count)
    classes = torch.empty(len(images), count, dtype=torch.int64, device=images.device)
    for block in executor.blocks(len(images)):
        gradients, scores[block], classes[block] = executor.gradients(
            images[block], lambda logits, block=block: batch.target.choose(logits, block)
        )
        for whole, part in zip(maps, gradients, strict=True):
            whole[block] = part
    return Maps(
        attribution=maps,
        target=classes,
        score=scores,
        evaluations=torch.ones(len(images), dtype=torch.int64, device=images.device),
    )


class _OneGradient:
    def rows_an_image(self) -> int:
        return 1


@register("gradient", family="gradient")
class Gradient(_OneGradient):
    """Gradient of the class score by the image (survey §4.1, eq. 4–5; Simonyan et al. 2014)."""

    def attribute(self, executor: Executor, batch: Batch) -> Maps:
        return gradient_maps(executor, batch)


@register("input_x_gradient", family="gradient")
class InputXGradient(_OneGradient):
    """Image times gradient: first-order Taylor term, LRP-0 of a ReLU network (Shrikumar et al. 2016)."""

    def attribute(self, executor: Executor, batch: Batch) -> Maps:
        maps = gradient_maps(executor, batch)
        maps.attribution = [batch.images * gradient for gradient in maps.attribution]
        return maps


@register("saliency", family="gradient", colour=False)
class Saliency(_OneGradient):
    """Magnitude of the gradient, one value a pixel (survey eq. 6; Simonyan et al. 2014).

    Attributes:
        reduce: ``max`` takes the largest magnitude over the channels (eq. 6), ``signed`` the entry of largest
            magnitude with its sign, ``mean`` the mean magnitude.
    """

    reduce: Literal["max", "signed", "mean"] = "max"

    def __post_init__(self):
        one_of("reduce", self.reduce, ("max", "signed", "mean"))

    def attribute(self, executor: Executor, batch: Batch) -> Maps:
        maps = gradient_maps(executor, batch)
        maps.attribution = [self._reduce(gradient) for gradient in maps.attribution]
        return maps

    def _reduce(self, gradient: Tensor) -> Tensor:
        magnitude = gradient.abs()
        if self.reduce == "max":
            return magnitude.amax(1, keepdim=True)
        if self.reduce == "signed":
            return gradient.gather(1, magnitude.argmax(1, keepdim=True))
        return magnitude.mean(1, keepdim=True)
