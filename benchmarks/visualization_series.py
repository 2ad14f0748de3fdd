"""What the experiments on visualizations compare: nine ways to make pictures of what a layer has for a class.

Three show what others showed (Shi et al. 2023, §4.1, with the regularisation of the paper for all alike): all
feature maps, factors of the feature maps, class-targeted neurons. Six show attributions: without a mask, and
with one and each of the five fills.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

import pyxai
from pyxai.capture.classifier import Classifier
from pyxai.capture.executor import Executor
from pyxai.capture.needs import Needs
from pyxai.capture.program import capture
from pyxai.metrics import among_best, pearson, scores_of_attributions
from pyxai.visualization import Visualization, strongest_channels

FACTORS = "factorized feature maps"
NEURONS = "class-targeted neurons"
VALUES = "all feature maps"
FILLS = ("pyramid", "fractal", "gaussian", "blur", "constant")
# Series to the options of Visualization; the factors have a method of their own.
SERIES: dict[str, dict[str, Any]] = {
    VALUES: {"masked": False},
    FACTORS: {},
    NEURONS: {"masked": False},
    "attributions, no mask": {"masked": False},
    **{f"attributions, {fill}": {"fill": fill} for fill in FILLS},
}
GROUPS = 4  # factors of the feature maps
STRONGEST = 10  # channels, or an eighth of them where there are fewer than 80
ROWS = 32  # pictures of a model call, at most


@dataclass(frozen=True)
class Attribution:
    """How the attributions of a study are made, by :class:`AumannShapley` with the paper's own baseline.

    Attributes:
        steps: gradient evaluations on the line from the baseline.
        effort: the part of the steps of the baseline's optimisations that is made.
    """

    steps: int = 50
    effort: float = 0.05


@dataclass(frozen=True)
class Shown:
    """What a series made.

    Attributes:
        pictures: (N, G, C, H, W) in [0, 1], in the model's order of channels; G is 1 but for factors.
        weights: (N, …), what the pictures were made for.
    """

    pictures: Tensor
    weights: Tensor


@dataclass(frozen=True)
class Measured:
    """How well pictures show it, (N,) float64 each.

    Attributes:
        correlation: of the layer's values with the weights that the pictures were made for.
        with_attributions: of the layer's values with the attributions, whatever they were made for.
        consistency: whether the class is among the best.
    """

    correlation: Tensor
    with_attributions: Tensor
    consistency: Tensor


class Study:
    """Images at a layer of a model, captured once for all series.

    Args:
        model: a classifier in evaluation mode.
        preprocess: says what black and white are, and the order of channels.
        images: (N, C, H, W) as the model takes them.
        layer: the name of a module whose values are a map (channels, rows, columns), all that scores go by.
        target: the class of each image, (N,).
        attributions: (N, channels, rows, columns); None makes them.
        how: makes them.
    """

    def __init__(
        self,
        model: nn.Module,
        preprocess: Any,
        images: Tensor,
        layer: str,
        target: Tensor,
        attributions: Tensor | None = None,
        how: Attribution = Attribution(),
    ):
        self.model, self.preprocess, self.images = model, preprocess, images
        self.layer, self.target = layer, target
        if attributions is None:
            options = {"steps": how.steps, "effort": how.effort, "rule": "midpoint"}
            found = pyxai.explain(model, images, "aumann_shapley", target, layer=layer, **options)
            attributions = found.attribution
        self.attributions = attributions
        self.ids = torch.arange(len(images))
        program = capture(Classifier(model), images, Needs.GRADIENTS, layers=(layer,))
        self.executor = Executor(program, min(ROWS, len(images)))
        if not self.executor.carries_all(layer):
            raise ValueError(f"`layer` must be all that the scores go by, got {layer!r}")
        self.values = self.executor.activations(images, (layer,))[layer]

    def shown(self, series: str, steps: int, seed: int, groups: int = GROUPS) -> Shown:
        """The pictures of a series."""
        options = SERIES[series] | {"steps": steps, "seed": seed}
        if series == FACTORS:
            found = pyxai.explain(
                self.model,
                self.images,
                "factorized_visualization",
                self.target,
                ids=self.ids,
                layer=self.layer,
                groups=groups,
                preprocess=self.preprocess,
                rows=self.executor.rows,
                **options,
            )
            return Shown(found.extras["pictures"], self.values)
        weights = {VALUES: self.values, NEURONS: self._neurons()}.get(series, self.attributions)
        ends = (self.images.new_tensor(end) for end in (self.preprocess.black, self.preprocess.white))
        size = tuple(self.images.shape[1:])
        with torch.no_grad():
            found = Visualization(**options)(
                self.executor, weights, self.attributions.sum(1), self.ids, size, *ends
            )
        return Shown(found.picture[:, None], weights)

    def measured(self, shown: Shown) -> Measured:
        """Of several pictures of an image the layer's values are added up, and the model runs on there."""
        values = self._seen(shown.pictures).sum(1)
        scores = scores_of_attributions(self.model, self.images, values, self.layer, rows=self.executor.rows)
        return Measured(
            pearson(values, shown.weights),
            pearson(values, self.attributions),
            among_best(scores, self.target),
        )

    def scores_of_attributions(self, scaled: bool) -> Tensor:
        """What the model makes of the attributions themselves, (N, K)."""
        return scores_of_attributions(self.model, self.images, self.attributions, self.layer, scaled=scaled)

    def _seen(self, pictures: Tensor) -> Tensor:
        """The layer's values for pictures (N, G, C, H, W), (N, G, …)."""
        black, white = (
            pictures.new_tensor(end)[:, None, None] for end in (self.preprocess.black, self.preprocess.white)
        )
        points = black + (white - black) * pictures.flatten(0, 1)
        values = self.executor.activations(points, (self.layer,))[self.layer]
        return values.unflatten(0, pictures.shape[:2])

    def _neurons(self) -> Tensor:
        count = max(1, min(STRONGEST, self.attributions.shape[1] // 8))
        return strongest_channels(self.attributions, 1, count)
