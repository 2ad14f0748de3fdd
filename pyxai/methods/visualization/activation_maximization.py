"""Activation maximization: a picture for which units, or the score of a class, are as large as can be."""

from __future__ import annotations

import torch
from torch import Tensor

from pyxai.capture.executor import Executor
from pyxai.methods.class_or_units import ClassOrUnits
from pyxai.methods.request import Maps, Request
from pyxai.methods.unit import check_unit, unit_index
from pyxai.methods.visualization.optimised import Optimised


class ActivationMaximization(Optimised, ClassOrUnits):
    """A picture for which the score of a class, or units of a layer, are large (Erhan et al. 2009).

    It is optimised by its spectrum, under random transforms, as `attribution_visualization` does, without a
    mask. Nothing of it depends on the pixels of the image, but for the class where that is the predicted one:
    pictures of the same class, or of the same units, differ by their ids, which the start and the transforms
    go by. The map is the picture in [0, 1].
    """

    name = "activation_maximization"

    def attribute(self, executor: Executor, request: Request) -> Maps:
        images, ends = request.images, self.ends(request.images)
        if self.layer is None:
            scores = executor.scores(images)
            classes = target = request.target.choose(scores)
        else:
            index = unit_index(self.unit)
            check_unit(index, executor.layer_shape(executor.layer), executor.layer)
            executor = executor.of_units(executor.layer, index)
            scores = executor.scores(images)
            classes = torch.zeros_like(request.ids)[:, None]
            target = torch.full_like(classes, -1)
        found = [
            self.how.of_scores(executor, one_of, request.ids, tuple(images.shape[1:]), *ends)
            for one_of in self._choices(scores, classes)
        ]
        return Maps(
            attribution=[one.picture.to(images.dtype) for one in found],
            target=target,
            score=scores.gather(1, classes),
            evaluations=torch.full_like(request.ids, 1 + self.steps * len(found)),
        )

    @staticmethod
    def _choices(scores: Tensor, classes: Tensor) -> list[Tensor]:
        """For each of T classes (N, T) the weights (N, K) that leave its score alone of scores (N, K)."""
        return [torch.zeros_like(scores).scatter_(1, column[:, None], 1) for column in classes.unbind(1)]
