"""Values of command line options."""

from __future__ import annotations

from typing import Any

import typer

from pyxai.engine import InputError


def integer_or_auto(text: str) -> int | None:
    if text == "auto":
        return None
    try:
        return int(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is neither auto nor a whole number") from None


def numbers(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.replace(",", " ").split())
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a list of numbers such as 0.485,0.456,0.406") from None


def shard(text: str) -> tuple[int, int]:
    try:
        index, count = text.split("/")
        return int(index), int(count)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not of the form i/n, such as 0/4") from None


def target(text: str) -> int | str | None:
    if text == "predicted":
        return None
    return int(text) if text.lstrip("-").isdigit() else text


def method_options(method: str, assignments: list[str] | None) -> dict[str, Any]:
    from pyxai.methods import parse_options

    try:
        return parse_options(method, assignments or [])
    except (TypeError, ValueError) as error:
        raise InputError(str(error)) from None
