"""How well a decomposition holds what a classifier goes by: the paper's measures (§4, Tab. 1–3, Fig. 7).

Images are in the generators' range [-1, 1], so a pixel of weight 1 taken away becomes mid-grey, not black.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from pyxai.checks import one_of
from pyxai.metrics.ranking import limits

BETAS = tuple(step / 10 for step in range(11))
DELETED = (0.0, 0.05, 0.1, 0.15, 0.2)  # shares of the pixels

Classify = Callable[[Tensor], Tensor]


@torch.no_grad()
def progression(
    classify: Classify, images: Tensor, distinct: Tensor, betas: Sequence[float] = BETAS
) -> Tensor:
    """Class probabilities of x - β ψ_distinct (Eq. 10), (B, N, c) for the B values of β.

    Args:
        classify: images (N, C, H, W) to logits (N, c).
        images, distinct: (N, C, H, W).
    """
    return torch.stack([classify(images - beta * distinct).softmax(1) for beta in betas])


@torch.no_grad()
def deletion(
    classify: Classify, images: Tensor, relevance: Tensor, shares: Sequence[float] = DELETED
) -> Tensor:
    """Class probabilities, (S, N, c), with the most relevant share of every image's pixels set to mid-grey.

    Args:
        relevance: (N, C, H, W); pixels are ranked by the mean magnitude over channels. What is as relevant as
            the last pixel to stay stays too.
    """
    ranks = relevance.abs().mean(1).flatten(1)
    counts = [round(share * ranks.shape[1]) for share in shares]
    found = []
    for limit in limits(ranks, counts).unbind(1):
        keep = (ranks <= limit[:, None]).view(len(images), 1, *images.shape[2:])
        found.append(classify(images * keep).softmax(1))
    return torch.stack(found)


def accuracies(probabilities: Tensor, target: Tensor) -> Tensor:
    """Share of the images (N,) given their class, (S,), from probabilities (S, N, c)."""
    return (probabilities.argmax(2) == target).double().mean(1)


def area(accuracy: Tensor, steps: Sequence[float], relative: bool = True) -> float:
    """Area under accuracies (S,) over ``steps`` by the trapezoidal rule; lower is better.

    Args:
        relative: divide by the first accuracy, as the authors' code does and Tab. 1's caption does not say.
    """
    value = torch.trapezoid(accuracy, accuracy.new_tensor(steps)).item()
    return value / max(float(accuracy[0]), 1e-8) if relative else value


def class_means(probabilities: Tensor, target: Tensor) -> Tensor:
    """Mean probabilities (S, c, c) of the images of each class: the bars of Fig. 7."""
    classes = probabilities.shape[2]
    return torch.stack([probabilities[:, target == label].mean(1) for label in range(classes)], 1)


@torch.no_grad()
def distance_from_equal(classify: Classify, agnostic: Tensor) -> Tensor:
    """Mean distance of the class probabilities of agnostic parts from 1/c, (N,), which no area shows."""
    probabilities = classify(agnostic).softmax(1)
    return (probabilities - 1 / probabilities.shape[1]).abs().mean(1)


def heatmap_part(images: Tensor, heatmap: Tensor, negative: str = "clip") -> Tensor:
    """The distinct part w ⊙ x that a heat map stands for (§4), w = h / max h, (N, C, H, W).

    Args:
        heatmap: (N, 1 or C, H, W).
        negative: what negative values become: ``clip`` sets them to zero, as in the paper; ``keep`` leaves
            them, over the largest magnitude, as the authors' code does.
    """
    one_of("negative", negative, ("clip", "keep"))
    weights = heatmap.clamp(min=0) if negative == "clip" else heatmap
    largest = weights.abs().amax((1, 2, 3), keepdim=True)
    return images * torch.where(largest > 0, weights / largest, 0.0)


def measures(
    classify: Classify, images: Tensor, distinct: Tensor, relevance: Tensor, target: Tensor
) -> dict[str, float]:
    """All of them by name, for images of classes ``target`` (N,).

    ``area`` and ``area_absolute`` (over accuracies, divided by the first or not) of the :func:`progression`,
    ``deletion``, the area of the :func:`deletion`, and ``agnostic``, the mean :func:`distance_from_equal`.

    Args:
        images, distinct: (N, C, H, W); the rest of the image is agnostic.
        relevance: (N, 1 or C, H, W).
    """
    right = accuracies(progression(classify, images, distinct), target)
    without = accuracies(deletion(classify, images, relevance), target)
    return {
        "area": area(right, BETAS),
        "area_absolute": area(right, BETAS, relative=False),
        "deletion": area(without, DELETED),
        "agnostic": distance_from_equal(classify, images - distinct).mean().item(),
    }
