"""Aumann-Shapley attribution at an inner layer, from a baseline of the layer's own values."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from pyxai.capture.executor import Executor
from pyxai.checks import positive, whole
from pyxai.methods.neuron.at_layer import AtLayer
from pyxai.methods.neuron.layer_integrated_gradients import ValuePath
from pyxai.methods.path.quadrature import Rule, quadrature
from pyxai.methods.request import Maps, Request
from pyxai.methods.targets import Target
from pyxai.visualization.baseline import steps_of, targeted_baseline


class AumannShapley(AtLayer):
    """Difference of a layer's values from a baseline, times the mean gradient between (Shi et al. 2022).

    The baseline is none of an image but values of the layer. ``expected`` is f(image) - f(image with the
    baseline at the layer); what bypasses the layer is as for the image.

    Attributes:
        steps: The number of gradient evaluations on the line from the baseline.
        rule: The quadrature rule; ``riemann_right`` is that of the paper.
        baseline: ``targeted`` has values near the layer's own for which the class has a score near 0. Two
            optimisations look for them, of a factor for each place and of one for each channel, and the
            smaller values of both are taken. ``zero`` has zeros and needs no optimisation.
        effort: Which part of the 2048 and 4096 steps of these optimisations is made: with 0.1 a tenth of
            them, each ten times as large.
        seed: The seed of the numbers that they start from.
    """

    name = "aumann_shapley"
    passes_beside = True

    steps: int = 200
    rule: Rule = "midpoint"
    baseline: Literal["targeted", "zero"] = "targeted"
    effort: float = 1.0
    seed: int = 0

    def settle(self) -> None:
        super().settle()
        whole("steps", self.steps, 1)
        quadrature(self.rule, self.steps)
        positive("effort", self.effort)
        whole("seed", self.seed)

    def evaluations_per_image(self) -> int:
        return self.steps

    def attribute(self, executor: Executor, request: Request) -> Maps:
        layer, images = executor.layer, request.images
        logits, values = executor.scores_and_activations(images, (layer,))
        end, classes = executor.of_images(layer, values[layer]), request.target.choose(logits)
        score = logits.gather(1, classes)
        maps, reached = [], []
        for column in classes.unbind(1):
            start = self._start(executor, request, end, column)
            path = ValuePath(executor, images, start, end, Target(column[:, None], 0, request.target.single))
            (found,), _ = path.fixed(*quadrature(self.rule, self.steps))
            maps.append(found.to(images.dtype))
            there = start.to(images.dtype).reshape(values[layer].shape)
            reached.append(executor.scores_from(images, {layer: there}).gather(1, column[:, None]))
        spent = classes.shape[1] * (self.steps + self._optimised)
        expected = score.double() - torch.cat(reached, 1).double()
        evaluations = torch.full_like(request.ids, spent)
        return self.finished(Maps(maps, classes, score, evaluations, expected), executor, request)

    @property
    def _optimised(self) -> int:
        """Evaluations that a baseline takes."""
        return sum(steps_of(self.effort).values()) if self.baseline == "targeted" else 0

    def _start(self, executor: Executor, request: Request, end: Tensor, classes: Tensor) -> Tensor:
        if self.baseline == "zero":
            return torch.zeros_like(end)
        axes = executor.program.survey.axes(executor.layer, end.shape[1:])
        channel = axes.index("channel") if "channel" in axes else 0
        return targeted_baseline(
            executor, request.images, end, channel, classes, request.ids, self.effort, self.seed
        )
