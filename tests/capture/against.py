"""A captured model and the one it was made from, by the same two questions."""

import torch

from pyxai.capture.classifier import Classifier
from pyxai.capture.executor import Executor


def relative(ours, theirs):
    return ((ours - theirs).abs().max() / theirs.abs().max()).item()


def eager(model, images):
    """Scores, and the gradient of the first score, by plain autograd through the unmodified model."""
    leaf = images.clone().requires_grad_(True)
    scores = Classifier(model)(leaf.clone())
    return scores.detach(), torch.autograd.grad(scores[:, 0].sum(), leaf)[0]


def captured(program, images):
    executor = Executor(program, len(images))
    first = torch.zeros(len(images), 1, dtype=torch.int64)
    gradients, _, _ = executor.gradients(images, lambda scores: first)
    return executor.scores(images), gradients[0]
