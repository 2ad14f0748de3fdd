"""Ablation-CAM."""

from __future__ import annotations

import torch
from torch import Tensor

from pyxai.capture.executor import Executor
from pyxai.methods.feature_map.by_channel import ChannelMap, Subject


class AblationCAM(ChannelMap):
    """Channels of a layer, weighted by how much the score drops without each (Desai & Ramaswamy 2020).

    w_k = (S - S_k) / |S|, where S_k is the score with zero in place of all values of channel k, those of
    class tokens too; the model runs on from the layer. It is the magnitude of S, so that a channel that
    raises a negative score has a positive weight.
    """

    name = "ablation_cam"

    def weights(self, executor: Executor, subject: Subject) -> tuple[Tensor, int]:
        values = subject.values.movedim(subject.layout.channel, 1)
        count, device = values.shape[1], values.device
        channels, scores = torch.arange(count, device=device), []
        for block in executor.blocks(1 + count):  # the first one is of all channels
            ablated = torch.arange(block.start, block.stop, device=device)[:, None] == 1 + channels
            ablated = ablated.reshape(*ablated.shape, *[1] * (values.ndim - 2))
            others = values.masked_fill(ablated, 0).movedim(1, subject.layout.channel)
            images = subject.image.expand(len(others), *subject.image.shape[1:])
            scores.append(executor.scores_from(images, {subject.layer: others})[:, subject.classes])
        scores = torch.cat(scores)
        whole = scores[0]
        return ((whole - scores[1:]) / whole.abs().where(whole != 0, 1)).T, 1 + count
