"""Score-CAM."""

from __future__ import annotations

import torch
from torch import Tensor

from pyxai.capture.executor import Executor
from pyxai.methods.feature_map.by_channel import ChannelMap, Subject
from pyxai.methods.feature_map.picture import enlarged, normalized


class ScoreCAM(ChannelMap):
    """Channels of a layer, weighted by the score of the image seen through each of them (Wang et al. 2020).

    Each channel, brought to the size of the image and to [0, 1], multiplies the image; the weights are the
    softmax of the scores over the channels. What is multiplied by 0 is 0 in the model's input space, the mean
    colour where images are normalised.
    """

    name = "score_cam"

    def weights(self, executor: Executor, subject: Subject) -> tuple[Tensor, int]:
        (channels,), image = subject.layout.maps(subject.values), subject.image
        scores = []
        for block in executor.blocks(len(channels)):
            masks = normalized(enlarged(channels[block, None], image.shape[2:]), "min_max")
            scores.append(executor.scores(image * masks, executor.rows)[:, subject.classes])
        return torch.cat(scores).softmax(0).T, len(channels)
