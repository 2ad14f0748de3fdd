"""Activation maximization: a picture for which units, or the score of a class, are as large as can be."""

from __future__ import annotations

import torch
from torch import Tensor

from pyxai.capture.executor import Executor
from pyxai.checks import expect, shown
from pyxai.methods.request import Maps, Request
from pyxai.methods.unit import Unit, check_unit, unit_index, units_of
from pyxai.methods.visualization.optimised import Optimised


class ActivationMaximization(Optimised):
    """A picture for which the score of a class, or units of a layer, are large (Erhan et al. 2009).

    It is optimised by its spectrum, under random transforms, as `attribution_visualization` does, without a
    mask. Nothing of it depends on the pixels of the image, but for the class where that is the predicted one:
    pictures of the same class, or of the same units, differ by their ids, which the start and the transforms
    go by. The map is the picture in [0, 1].

    Attributes:
        layer: The name of a module whose units are shown, as in the model's ``named_modules()``, or ``auto``
            for the last map of the image. None shows the score of the class.
        unit: Which units of that layer: an index into what it has for one image. Of a map (channel, row,
            column) is one unit and a number a whole channel; of tokens (token, channel) is one; ranges are
            slices, or text as in ``"0:4,:,2"``; None is all of them. Several units count by their sum.
    """

    name = "activation_maximization"

    layer: str | None = None
    unit: Unit = None

    def settle(self) -> None:
        super().settle()
        named = self.layer is None or (isinstance(self.layer, str) and self.layer != "")
        expect(named, "layer", "be the name of a module, or None", shown(self.layer))
        alone = self.layer is None and self.unit is not None
        expect(not alone, "unit", "come with `layer`, whose unit it is", shown(self.unit))
        unit_index(self.unit)

    @property
    def layers(self) -> tuple[str, ...]:
        return () if self.layer is None else (self.layer,)

    @property
    def units(self) -> str:
        return "" if self.layer is None else units_of(self.layer, unit_index(self.unit))

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
