"""What every classical method has in common: its checks, its arithmetic's dtype, its place in the table."""

from __future__ import annotations

import functools
from collections.abc import Callable
from numbers import Real
from typing import Any

import torch
from torch import Tensor

AT_ONCE = 2**18  # pixels a thread of a CPU works on at a time: what is in between then stays in its caches

METHODS: dict[str, Callable[..., Tensor]] = {}
"""Name to function of every method, in the order of the documentation."""


def classical(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Decorator of ``function(images, **options) -> maps``: a method of the common form.

    The images are checked; the function gets them in float32 at least and its maps are given back in the
    dtype of the images. An image of one colour has nothing that stands out: its map is zero by definition,
    whatever rounding would leave of it.
    """

    @functools.wraps(function)
    def method(images: Tensor, *args: Any, **options: Any) -> Tensor:
        flat = check_images(function.__name__, images)
        wide = images.detach().to(torch.promote_types(images.dtype, torch.float32))
        with torch.no_grad():
            maps = torch.cat([function(part, *args, **options) for part in wide.split(_together(wide))])
            maps[flat] = 0
            return maps.to(images.dtype)

    METHODS[function.__name__] = method
    return method


def _together(images: Tensor) -> int:
    """How many of the images (N, C, H, W) are worked on at a time."""
    if images.device.type != "cpu":
        return max(1, len(images))
    return max(1, AT_ONCE // (images.shape[2] * images.shape[3])) * torch.get_num_threads()


def expect(
    condition: bool, method: str, argument: str, requirement: str, got: Any, error: type = ValueError
) -> None:
    """Raise ``method: `argument` must …, got …`` unless ``condition`` holds."""
    if not condition:
        raise error(f"{method}: `{argument}` must {requirement}, got {got}")


def expect_size(method: str, argument: str, value: Any, least: int = 1) -> None:
    """``value`` is a whole number of at least ``least``."""
    whole = isinstance(value, int) and not isinstance(value, bool) and value >= least
    expect(whole, method, argument, f"be a whole number of at least {least}", repr(value))


def expect_positive(method: str, argument: str, value: Any) -> None:
    """``value`` is a finite number above zero."""
    positive = isinstance(value, Real) and not isinstance(value, bool) and 0 < value < float("inf")
    expect(positive, method, argument, "be a positive number", repr(value))


def expect_one_of(method: str, argument: str, value: Any, choices: tuple[str, ...]) -> None:
    """``value`` is one of ``choices``."""
    expect(value in choices, method, argument, f"be one of {', '.join(map(repr, choices))}", repr(value))


def check_images(method: str, images: Any) -> Tensor:
    """``images`` are (N, 1 or 3, H, W) in [0, 1]. Returns (N,), which of them have one colour only."""
    kind = type(images).__name__
    expect(isinstance(images, Tensor), method, "images", "be a torch.Tensor", kind, TypeError)
    shape = tuple(images.shape)
    expect(images.ndim == 4, method, "images", "have shape (N, C, H, W)", shape)
    expect(images.is_floating_point(), method, "images", "have a floating dtype", images.dtype, TypeError)
    expect(shape[1] in (1, 3), method, "images", "have 1 or 3 channels, and no transparency", shape[1])
    expect(0 not in shape[2:], method, "images", "have at least one pixel", shape)
    planes = images.detach().flatten(2)
    low, high = planes.amin(2), planes.amax(2)
    if not bool(((low >= 0) & (high <= 1)).all()):  # also where there is NaN
        expect(False, method, "images", "lie in [0, 1]", f"{low.amin():.6g} to {high.amax():.6g}")
    return (low == high).all(1)
