"""Checks that run before any work, and the one form their messages take.

``lrp: `images` must have shape (N, C, H, W), got (3, 224, 224)``

A check says what is wrong; whoever the caller knows by name, a method or a public function, puts that name
before it at its border, with :func:`naming`.
"""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from numbers import Integral, Real
from typing import Any

import torch
from torch import Tensor


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Errors about arguments begin with ``name``, whoever raised them; where, the traceback still says."""
    try:
        yield
    except (ValueError, TypeError) as error:
        if type(error) not in (ValueError, TypeError) or str(error).startswith(f"{name}: "):
            raise
        raise type(error)(f"{name}: {error}").with_traceback(error.__traceback__) from error.__cause__


def expect(condition: bool, argument: str, requirement: str, got: Any, error: type = ValueError) -> None:
    """Raise ``error`` in the project's message form unless ``condition`` holds."""
    if not condition:
        raise error(f"`{argument}` must {requirement}, got {got}")


def expect_images(images: Any, volumes: bool = False) -> None:
    """``images`` is a floating (N, C, H, W) tensor with pixels, or (N, C, T, H, W) if ``volumes`` will do."""
    expect(isinstance(images, Tensor), "images", "be a torch.Tensor", type(images).__name__, TypeError)
    shape = tuple(images.shape)
    wanted = "have shape (N, C, H, W) or (N, C, T, H, W)" if volumes else "have shape (N, C, H, W)"
    expect(images.ndim == 4 or (volumes and images.ndim == 5), "images", wanted, shape)
    expect(images.is_floating_point(), "images", "have a floating dtype", images.dtype, TypeError)
    expect(0 not in shape[1:], "images", "have at least one channel and one pixel", shape)


def plain(value: Any) -> Any:
    """A tensor of a subclass as a plain one, which shares its memory; all else as it is."""
    subclass = isinstance(value, Tensor) and type(value) is not Tensor
    return value.as_subclass(Tensor) if subclass else value


def whole(name: str, value: Any, least: int | None = None) -> None:
    """An option's value is a whole number, not below ``least``."""
    fits = isinstance(value, Integral) and not isinstance(value, bool) and (least is None or value >= least)
    kinds = {None: "whole number", 1: "positive whole number"}
    kind = kinds.get(least, f"whole number of at least {least}")
    expect(fits, name, f"be a {kind}", repr(value))


def non_negative(name: str, value: Any) -> None:
    """An option's value is a finite real number that is not negative."""
    expect(_finite(value) and value >= 0, name, "be a number that is not negative", repr(value))


def positive(name: str, value: Any) -> None:
    """An option's value is a finite real number above zero."""
    expect(_finite(value) and value > 0, name, "be a positive number", repr(value))


def per_channel(name: str, value: Any, channels: int, like: Tensor | None = None) -> Tensor:
    """An option's value, one finite number or one for each of the ``channels``, as a tensor (channels,).

    Args:
        like: gives its dtype and device; None for float64 on the CPU.
    """
    wanted = f"be one number or one for each of {channels} channels"
    near = value.device if isinstance(value, Tensor) else "cpu"  # where looking at it waits for nobody
    try:
        numbers = torch.as_tensor(value, dtype=torch.float64 if like is None else like.dtype, device=near)
    except (TypeError, ValueError, RuntimeError):
        expect(False, name, wanted, shown(value))
    fits = numbers.ndim <= 1 and numbers.numel() in (1, channels)
    expect(fits, name, wanted, shown(value))
    expect(bool(torch.isfinite(numbers).all()), name, "be finite", shown(value))
    return numbers.expand(channels).contiguous().to("cpu" if like is None else like.device)


def one_of(name: str, value: Any, choices: Collection) -> None:
    """An option's value is one of ``choices``."""
    expect(value in choices, name, f"be one of {', '.join(map(repr, choices))}", repr(value))


def module_name(name: str, value: Any) -> None:
    """``value`` can be the name of a module inside of a model."""
    expect(isinstance(value, str) and value != "", name, "be the name of a module", shown(value))


def alternatives(annotation: Any) -> tuple:
    """What a union is a union of; of another annotation itself."""
    union = typing.get_origin(annotation) in (types.UnionType, typing.Union)
    return typing.get_args(annotation) if union else (annotation,)


def choices_of(annotation: Any) -> tuple[str, ...]:
    """The words of the ``Literal`` in an annotation; none where it has none."""
    literals = [kind for kind in alternatives(annotation) if typing.get_origin(kind) is typing.Literal]
    return tuple(choice for literal in literals for choice in typing.get_args(literal))


def literal_choices(annotated: Any) -> dict[str, tuple[str, ...]]:
    """Name to words of each argument of a function, or field of a class, annotated with a ``Literal``."""
    found = {name: choices_of(hint) for name, hint in typing.get_type_hints(annotated).items()}
    return {name: choices for name, choices in found.items() if choices}


def near(word: str, known: Iterable[str]) -> str:
    """The nearest of the names that are ``known``, as a question in brackets; "" where none is near."""
    close = difflib.get_close_matches(word, list(known), 1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def shown(value: Any) -> str:
    """A value in a message: text and numbers as they are written, else what kind of thing it is."""
    return repr(value) if isinstance(value, (str, Real, tuple, list, type(None))) else type(value).__name__


def brief(error: Exception) -> str:
    """The kind of an error and the first line of what it says, for a message of one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0]}"[:300] if lines else type(error).__name__


def _finite(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and abs(value) < float("inf")
