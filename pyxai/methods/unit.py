"""Which units of an inner layer are meant: an index into what the layer has for one image."""

from __future__ import annotations

from typing import Any

from pyxai.checks import expect, shown

Unit = int | tuple | slice | str | None

_WANTED = "be a whole number or a range, or several of them, from the first axis of the layer on"


def unit_index(unit: Any) -> tuple[int | slice, ...]:
    """The index that the option ``unit`` stands for; () is the whole layer.

    Args:
        unit: None, a number, a slice, a tuple of them, or text: ``"3"``, ``"0:4"``, ``"3,:,2"``.

    Raises:
        ValueError: it is none of these.
    """
    if unit is None:
        return ()
    if isinstance(unit, str):
        parts = [_read(part.strip(), unit) for part in unit.split(",")]
    else:
        parts = list(unit) if isinstance(unit, tuple | list) else [unit]
    for part in parts:
        if isinstance(part, slice):
            ends = (part.start, part.stop, part.step)
            forward = all(end is None or (_whole(end) and end >= 0) for end in ends) and part.step != 0
        else:
            forward = _whole(part)
        expect(forward, "unit", _WANTED, shown(unit))
    return tuple(part if isinstance(part, slice) else int(part) for part in parts)


def check_unit(index: tuple[int | slice, ...], shape: tuple[int, ...], layer: str) -> None:
    """Raise a :class:`ValueError` where a layer whose values for an image have this shape lacks the units."""
    there = len(index) <= len(shape) and all(
        len(range(size)[part]) > 0 if isinstance(part, slice) else 0 <= part < size
        for part, size in zip(index, shape, strict=False)
    )
    wanted = f"be an index into {tuple(shape)}, the shape of `{layer}`"
    expect(there, "unit", wanted, f"({_written(index)}{',' if len(index) == 1 else ''})")


def units_of(layer: str, index: tuple[int | slice, ...]) -> str:
    """In few words which units of a layer an index stands for."""
    return f"{layer}, unit {_written(index)}" if index else f"{layer}, all units"


def _read(part: str, unit: str) -> int | slice:
    try:
        ends = [int(end) if end else None for end in part.split(":")]
        return slice(*ends) if len(ends) > 1 else int(part)
    except (ValueError, TypeError):
        expect(False, "unit", _WANTED, shown(unit))


def _whole(number: Any) -> bool:
    real = isinstance(number, int | float) and not isinstance(number, bool)
    return real and float(number).is_integer()


def _written(index: tuple[int | slice, ...]) -> str:
    def ends(part: slice) -> str:
        text = ":".join("" if end is None else str(end) for end in (part.start, part.stop, part.step))
        return text.removesuffix(":") if part.step is None else text

    return ",".join(ends(part) if isinstance(part, slice) else str(part) for part in index)
