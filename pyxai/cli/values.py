"""Values of command line options."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from pyxai.engine import InputError
from pyxai.engine.errors import refusals

if TYPE_CHECKING:
    from pyxai.dxai.losses import Objective


EVAL = typer.Option("--eval", help="Put a model that was left in training mode into evaluation mode.")


def integer_or_auto(text: str) -> int | None:
    """``auto``, which is None, or a whole number."""
    if text == "auto":
        return None
    try:
        return int(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is neither auto nor a whole number") from None


def numbers(text: str) -> tuple[float, ...]:
    """Numbers with commas or spaces between them."""
    try:
        return tuple(float(part) for part in text.replace(",", " ").split())
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a list of numbers such as 0.485,0.456,0.406") from None


def seconds(text: str) -> float:
    """A length of time."""
    try:
        length = float(text)
    except ValueError:
        length = math.nan
    if not 0 < length < math.inf:
        raise typer.BadParameter(f"{text!r} is no positive number of seconds")
    return length


def shard(text: str) -> tuple[int, int]:
    """``i/n`` as two numbers."""
    try:
        index, count = text.split("/")
        return int(index), int(count)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not of the form i/n, such as 0/4") from None


def target(text: str, names: Mapping[int, str]) -> str | None:
    """``predicted``, which is None where no class in ``names`` is called so, or text for the run."""
    return None if text == "predicted" and text not in names.values() else text


def output(text: str) -> int | str:
    """An index, or a key or path."""
    return int(text) if text.lstrip("-").isdigit() else text


def class_names(file: Path | None) -> dict[int, str]:
    """The names of classes in a file, none where there is no file."""
    from pyxai.render import read_class_names

    with refusals():
        return read_class_names(file) if file else {}


def rows(index: str, count: int) -> list[int]:
    """``5``, ``0:16`` or ``3,8,20`` as row numbers; a range is cut at the end of the run."""
    try:
        if ":" in index:
            start, stop = (int(part) if part else None for part in index.split(":"))
            return list(range(count))[start:stop]
        rows = [int(part) for part in index.split(",")]
    except ValueError:
        raise InputError(f"--index must be like 5, 0:16 or 3,8,20, got {index!r}") from None
    for row in rows:
        if not 0 <= row < count:
            raise InputError(f"--index {row} is not in the run, which has rows 0 to {count - 1}")
    return rows


def method_options(method: str, assignments: list[str] | None) -> dict[str, Any]:
    """The options of a method, by name, that ``--set`` was given as ``name=value``."""
    from pyxai.methods import parse_options

    with refusals():
        return parse_options(method, assignments or [])


def objective(name: str, assignments: list[str] | None) -> Objective:
    """The objective called ``name`` with the fields that ``--set`` was given, as ``name=value``, changed."""
    from pyxai.checks import naming, one_of
    from pyxai.dxai.losses import OBJECTIVES, Objective
    from pyxai.methods.options import check_names, options_of

    known, changes = options_of(Objective), {}
    with refusals(), naming("dxai"):
        one_of("objective", name, OBJECTIVES)
        for assignment in assignments or []:
            field, equals, text = assignment.partition("=")
            if not equals:
                raise ValueError(f"options are written name=value, got {assignment!r}")
            check_names(known, [field])
            changes[field] = known[field].parse(text)
        return dataclasses.replace(OBJECTIVES[name], **changes)
