"""What every classical method has in common: its checks and its arithmetic's dtype."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from pyxai.checks import expect, expect_images, literal_choices, naming, one_of

AT_ONCE = 2**18  # pixels a thread of a CPU works on at a time: what is in between then stays in its caches


def classical(pixels: int = 1) -> Callable[[Callable[..., Tensor]], Callable[..., Tensor]]:
    """Decorator of ``function(images, **options) -> maps``: a method of the common form.

    The images are checked, and so are options that are one of a few words by their annotation. The function
    gets the images in float32 at least and its maps are given back in the dtype of the images. An image of
    one colour has nothing that stands out: its map is zero by definition, whatever rounding would leave.

    Args:
        pixels: of the pictures that the function works on at least, where it enlarges smaller ones.
    """

    def decorate(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
        signature = inspect.signature(function)
        choices = literal_choices(function)

        @functools.wraps(function)
        def method(images: Tensor, *args: Any, **options: Any) -> Tensor:
            with naming(function.__name__), torch.no_grad():
                given = signature.bind(images, *args, **options).arguments
                for name in choices.keys() & given.keys():
                    one_of(name, given[name], choices[name])
                flat = check_images(images)
                if len(images) == 0:
                    return images.new_empty(0, *images.shape[2:])
                wide = images.detach().to(torch.promote_types(images.dtype, torch.float32))
                parts = wide.split(_together(wide, pixels))
                maps = torch.cat([function(part, *args, **options) for part in parts])
                maps[flat.nonzero()[:, 0]] = 0  # by number: a mask would go through every pixel
                return maps.to(images.dtype)

        return method

    return decorate


def _together(images: Tensor, pixels: int) -> int:
    """How many of the images (N, C, H, W) are worked on at a time."""
    if images.device.type != "cpu":
        return len(images)
    each = max(pixels, images.shape[2] * images.shape[3])
    return max(1, AT_ONCE // each) * torch.get_num_threads()


def check_images(images: Any) -> Tensor:
    """``images`` are (N, 1 or 3, H, W) in [0, 1]. Returns (N,), which of them have one colour only."""
    expect_images(images)
    channels = images.shape[1]
    expect(channels in (1, 3), "images", "have 1 or 3 channels, and no transparency", channels)
    planes = images.detach().flatten(2)
    low, high = planes.amin(2), planes.amax(2)
    if not bool(((low >= 0) & (high <= 1)).all()):  # also where there is NaN
        expect(False, "images", "lie in [0, 1]", f"{low.amin():.6g} to {high.amax():.6g}")
    return (low == high).all(1)
