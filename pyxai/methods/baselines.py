"""The reference images a path starts from."""

from __future__ import annotations

from numbers import Real
from typing import Any, Literal

import torch
from torch import Tensor

from pyxai.checks import expect, per_channel, shown
from pyxai.gaussian import distances, window
from pyxai.methods.per_image import per_image

BLUR_FRACTION = 10 / 224  # standard deviation of "blur" by the image's smaller side

Baseline = float | Literal["black", "mean", "blur"] | tuple | Tensor


def baselines(baseline: Any, low: Any, images: Tensor) -> list[Tensor]:
    """One tensor (N, C, H, W) or (1, C, H, W) for every baseline an image has, like the images.

    Of volumes (N, C, T, H, W) all shapes below have an axis T before H.

    Args:
        baseline: a number; one number for each channel; ``"black"`` (``low``); ``"mean"`` (each image's
            mean colour); ``"blur"`` (the image under a Gaussian of 10/224 of its smaller side, a volume frame
            by frame); a tensor (C, H, W), (1, C, H, W) or (N, C, H, W); or several per image, (1, K, C, H, W)
            or (N, K, C, H, W).
        low: the value of a black pixel in the model's input space, a number or one a channel.
    """
    if isinstance(baseline, str) and baseline in _NAMED:
        return [_NAMED[baseline](images, low)]
    count, *shape = images.shape
    if isinstance(baseline, (Real, tuple, list)):
        return [_constant("baseline", baseline, images)]
    wanted = f"be a number, a tensor or one of {', '.join(map(repr, _NAMED))}"
    expect(isinstance(baseline, Tensor), "baseline", wanted, shown(baseline))
    value = baseline.to(images)
    axes = len(shape)  # of one image
    several = value if value.ndim == axes + 2 else value.reshape(-1, *value.shape[-axes:]).unsqueeze(1)
    fits = (
        axes <= baseline.ndim <= axes + 2
        and several.shape[1] > 0
        and len(several) in (1, count)
        and list(several.shape[2:]) == shape
    )
    one = "C, H, W" if axes == 3 else "C, T, H, W"
    wanted = f"fit images of shape {tuple(images.shape)} as ({one}), (N, {one}) or (N, K, {one})"
    expect(fits, "baseline", wanted, tuple(baseline.shape))
    expect(bool(torch.isfinite(value).all()), "baseline", "be finite", "NaN or infinity")
    return list(several.unbind(1))


def _constant(name: str, value: Any, images: Tensor) -> Tensor:
    colour = per_channel(name, value, images.shape[1], images)
    return colour.reshape(1, -1, *[1] * (images.ndim - 2)).expand(1, *images.shape[1:]).contiguous()


def _blur(images: Tensor) -> Tensor:
    sides = images.shape[-2:]
    sigma = BLUR_FRACTION * min(sides)
    rows, columns = (window(distances(size), sigma).to(images) for size in sides)
    return per_image(lambda image: rows @ image @ columns.T, images)


_NAMED = {
    "black": lambda images, low: _constant("low", low, images),
    "mean": lambda images, low: per_image(_mean_colour, images).expand_as(images),
    "blur": lambda images, low: _blur(images),
}


def _mean_colour(image: Tensor) -> Tensor:
    return image.mean(tuple(range(1, image.ndim)), keepdim=True)
