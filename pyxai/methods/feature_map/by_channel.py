"""What methods share that weight channels by scores of the model, found channel by channel."""

from __future__ import annotations

import abc
from dataclasses import dataclass

import torch
from torch import Tensor

from pyxai.capture.executor import Executor
from pyxai.capture.grid import Layout
from pyxai.capture.needs import Needs
from pyxai.methods.feature_map.channels import weighted
from pyxai.methods.feature_map.layer_map import LayerMap, LayerMaps
from pyxai.methods.feature_map.layered import Layouts
from pyxai.methods.request import Request

_CHANNELS = 64  # that a layer has at least, as a rule: rows of a call are shared out by it


@dataclass(frozen=True)
class Subject:
    """A layer of one image.

    Attributes:
        image: (1, C, H, W).
        layer: the name of the layer.
        layout: where its values lie in the image.
        values: (1, …), what it has for the image.
        classes: (T,), what is explained of the scores.
    """

    image: Tensor
    layer: str
    layout: Layout
    values: Tensor
    classes: Tensor


class ChannelMap(LayerMap):
    """A weighted sum of a layer's channels, by one evaluation of the model for each of them.

    As many channels of an image go through the model at a time as a call has rows.
    """

    needs = Needs.SCORES

    def evaluations_per_image(self) -> int:
        return _CHANNELS

    @abc.abstractmethod
    def weights(self, executor: Executor, subject: Subject) -> tuple[Tensor, int]:
        """The weights (T, C) of the channels, and how many evaluations they took."""

    def layer_maps(self, executor: Executor, request: Request, layouts: Layouts) -> LayerMaps:
        logits, values = executor.scores_and_activations(request.images, tuple(layouts))
        classes = request.target.choose(logits)
        maps, evaluations = {}, 1
        for name, layout in layouts.items():
            found = []
            for row in range(len(request)):
                one = slice(row, row + 1)
                subject = Subject(request.images[one], name, layout, values[name][one], classes[row])
                weights, spent = self.weights(executor, subject)
                found.append(weighted(layout.maps(subject.values), weights))
            evaluations += spent
            maps[name] = list(torch.stack(found, 1))
        return LayerMaps(maps, classes, logits.gather(1, classes), evaluations)
