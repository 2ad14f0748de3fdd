"""Checks that run before any work, and the one form their messages take.

``lrp: `images` must have shape (N, C, H, W), got (3, 224, 224)``

Checks of an option leave out ``method`` where whoever fills in the options puts it before the message.
"""

from __future__ import annotations

from collections.abc import Collection
from numbers import Real
from typing import Any

from torch import Tensor


def expect(
    condition: bool, method: str, argument: str, requirement: str, got: Any, error: type = ValueError
) -> None:
    """Raise ``error`` in the project's message form unless ``condition`` holds."""
    if not condition:
        raise error(f"{method}{': ' if method else ''}`{argument}` must {requirement}, got {got}")


def expect_images(method: str, images: Any) -> None:
    """``images`` is a floating (N, C, H, W) tensor with pixels."""
    kind = type(images).__name__
    expect(isinstance(images, Tensor), method, "images", "be a torch.Tensor", kind, TypeError)
    shape = tuple(images.shape)
    expect(images.ndim == 4, method, "images", "have shape (N, C, H, W)", shape)
    expect(images.is_floating_point(), method, "images", "have a floating dtype", images.dtype, TypeError)
    expect(0 not in shape[1:], method, "images", "have at least one channel and one pixel", shape)


def whole(name: str, value: Any, least: int | None = None, method: str = "") -> None:
    """An option's value is a whole number, not below ``least``."""
    fits = isinstance(value, int) and not isinstance(value, bool) and (least is None or value >= least)
    kinds = {None: "whole number", 1: "positive whole number"}
    kind = kinds.get(least, f"whole number of at least {least}")
    expect(fits, method, name, f"be a {kind}", repr(value))


def non_negative(name: str, value: Any, method: str = "") -> None:
    """An option's value is a finite real number that is not negative."""
    expect(_finite(value) and value >= 0, method, name, "be a number that is not negative", repr(value))


def positive(name: str, value: Any, method: str = "") -> None:
    """An option's value is a finite real number above zero."""
    expect(_finite(value) and value > 0, method, name, "be a positive number", repr(value))


def one_of(name: str, value: Any, choices: Collection, method: str = "") -> None:
    """An option's value is one of ``choices``."""
    expect(value in choices, method, name, f"be one of {', '.join(map(repr, choices))}", repr(value))


def _finite(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and abs(value) < float("inf")
