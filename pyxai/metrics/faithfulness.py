"""What becomes of the model's answer where the most relevant pixels go first, or come first."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from pyxai.capture.arithmetic import unaffected
from pyxai.capture.output.kinds import Kind
from pyxai.capture.pick import Pick
from pyxai.checks import expect, naming, per_channel, plain, whole
from pyxai.gaussian import distances, window
from pyxai.metrics.answers import Answers
from pyxai.metrics.planes import planes
from pyxai.metrics.ranking import limits

BLUR_SIGMA, BLUR_REACH = 5.0, 5  # of insertion, in pixels: a window of 11 x 11


def deletion(
    model: nn.Module | Callable[[Tensor], Any],
    images: Tensor,
    maps: Tensor,
    target: Any = None,
    *,
    steps: int = 100,
    baseline: Any = 0.0,
    output: Pick | None = None,
    output_kind: Kind = "auto",
    rows: int | None = None,
) -> Tensor:
    """Area under the probability of the class while pixels go, the most relevant first; lower is better.

    After each of ``steps`` equal parts of the pixels the model is asked (Petsiuk et al. 2018). The area is
    that of the trapezoid rule over the share of the pixels that is gone, from 0 to 1. Pixels that are as
    relevant go together, and the curve is a straight line in between, as an ROC curve is: a constant map gets
    the mean of the first and the last probability, whatever the order of pixels in memory is. Parts that are
    no whole number of pixels are rounded, and count with the share that they have.

    Args:
        model: a classifier in evaluation mode, or any callable from images (n, C, H, W) to scores (n, K).
        images: (N, C, H, W), finite, in the model's dtype and on its device. Memory is needed for ``rows`` of
            them at a time, however many there are; the model is captured once for all.
        maps: (N, H, W) or (N, C', H, W), finite; channels are summed with their signs, as by
            :meth:`pyxai.Explanation.heatmap`. For the map of a layer say ``upsample=True``.
        target: one class for each image, by number or name, or a callable of one image's output, as for
            :class:`pyxai.Explainer`. None for the class that is predicted for the image as it is.
        steps: into how many parts the pixels are divided.
        baseline: what deleted pixels become, a number or one for each channel, in the model's input space.
            0 is the mean colour of the training images where these were normalised.
        output, output_kind: as for :class:`pyxai.Explainer`. The probabilities are those of the softmax of
            the scores, also where the model itself ends in one; of a model whose output is a ``value``, and
            of a callable target, the number itself is followed.
        rows: rows of every model call; None for a rule by the size of the images.

    Returns (N,) float64.

    Raises:
        ValueError, TypeError: an argument is of the wrong kind, or the model is random, mixes images or is
            in training mode: as ``deletion: `argument` must …, got …``.
    """
    with naming("deletion"):
        whole("steps", steps, 1)
        answers = Answers(model, images, target, output, output_kind, rows, steps + 1)
        colour = per_channel("baseline", baseline, answers.images.shape[1], answers.images)
        return _areas(answers, maps, steps, lambda image: (image, colour.reshape(-1, 1, 1)))


def insertion(
    model: nn.Module | Callable[[Tensor], Any],
    images: Tensor,
    maps: Tensor,
    target: Any = None,
    *,
    steps: int = 100,
    output: Pick | None = None,
    output_kind: Kind = "auto",
    rows: int | None = None,
) -> Tensor:
    """Area under the probability of the class while pixels come into a blurred image; higher is better.

    The blur is a Gaussian of standard deviation 5 pixels in a window of 11 × 11 (Petsiuk et al. 2018), cut at
    the border of the image, so that no colour comes in from outside. The most relevant pixels come first.
    All else is as for :func:`deletion`.

    Args:
        model, images, maps, target, steps, output, output_kind, rows: as for :func:`deletion`.

    Returns (N,) float64.

    Raises:
        ValueError, TypeError: as :func:`deletion`.
    """
    with naming("insertion"):
        whole("steps", steps, 1)
        answers = Answers(model, images, target, output, output_kind, rows, steps + 1)
        down, across = (
            window(distances(side), BLUR_SIGMA, BLUR_REACH).to(answers.images)
            for side in answers.images.shape[2:]
        )
        return _areas(answers, maps, steps, lambda image: (down @ image @ across.T, image))


def _areas(
    answers: Answers, maps: Any, steps: int, ends: Callable[[Tensor], tuple[Tensor, Tensor]]
) -> Tensor:
    """The areas (N,).

    Args:
        ends: an image (C, H, W) to what its pixels are at first and become, which broadcast to it.
    """
    images = answers.images
    count, _, *size = images.shape
    relevance = planes(plain(maps), (count, *size))
    near = relevance.device == images.device
    expect(near, "maps", f"be on the device of the images, {images.device}", relevance.device)
    pixels = math.prod(size)
    counts = [round(step * pixels / steps) for step in range(steps + 1)]
    with unaffected(images.device):
        areas = torch.zeros(count, dtype=torch.float64, device=images.device)
        for row, image in enumerate(images):
            ranks, (first, last) = relevance[row].flatten(), ends(image)
            shares, numbers = [], []
            for part in limits(ranks[None], counts)[0].unique().flip(0).split(answers.rows):
                stays = ranks <= part[:, None]
                copies = torch.where(stays.view(-1, 1, *size), first, last)
                shares.append(1 - stays.double().mean(1))
                numbers.append(answers(copies, row))
            areas[row] = torch.trapezoid(torch.cat(numbers), torch.cat(shares))
    return areas
