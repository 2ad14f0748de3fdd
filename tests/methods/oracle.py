"""Slow and plain: what the methods must equal, by loops over single images through the unmodified model."""

import torch

from pyxai.capture.classifier import Classifier


def gradient(model, point, target):
    """Gradient of one class score at one point (C, H, W)."""
    leaf = point.clone().requires_grad_(True)
    score = Classifier(model)(leaf[None].clone())[0, target]
    return torch.autograd.grad(score, leaf)[0]


def integrated_gradients(model, image, start, target, node, weight):
    """(image - start) times the weighted mean of the gradients at start + node (image - start)."""
    total = sum(
        w * gradient(model, start + a * (image - start), target) for a, w in zip(node, weight, strict=True)
    )
    return (image - start) * total


def relative_l1(ours, theirs):
    """Sum of |ours - theirs| by the sum of |theirs|, over everything."""
    return float((ours - theirs).abs().sum() / theirs.abs().sum())
