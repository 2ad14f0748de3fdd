"""Options of a method, read off its dataclass: names, types, choices, defaults and documentation."""

from __future__ import annotations

import dataclasses
import inspect
import re
import typing
from dataclasses import dataclass
from functools import cache
from numbers import Real
from typing import Any, Literal

from pyxai.checks import alternatives, choices_of, expect, shown
from pyxai.methods.elsewhere import option_hint


@dataclass(frozen=True)
class Option:
    """One option of a method.

    Attributes:
        name: the keyword.
        annotation: its type, resolved.
        kind: its type in few words.
        choices: the words it may be, where it is one of a few.
        default: its value where none is given.
        doc: what it means.
    """

    name: str
    annotation: Any
    kind: str
    choices: tuple[str, ...]
    default: Any
    doc: str

    def parse(self, text: str) -> Any:
        """The value that ``text`` stands for.

        Raises:
            ValueError: the text is none.
        """
        kinds = alternatives(self.annotation)
        if type(None) in kinds and text.lower() == "none":
            return None
        for kind in sorted(kinds, key=_parse_order):
            try:
                if kind is bool:
                    return {"true": True, "false": False}[text.lower()]
                if kind in (int, float):
                    return kind(text)
                if kind is tuple:
                    return tuple(float(part) for part in text.removesuffix(",").split(","))
                if kind is str or (typing.get_origin(kind) is Literal and text in self.choices):
                    return text
            except (ValueError, KeyError):
                continue
        wanted = [
            getattr(kind, "__name__", str(kind))
            for kind in kinds
            if kind is not type(None) and typing.get_origin(kind) is not Literal
        ]
        expect(False, self.name, "be " + " or ".join([*map(repr, self.choices), *wanted]), repr(text))


@cache
def options_of(cls: type) -> dict[str, Option]:
    """The options of a method's class, by name."""
    hints, documented = typing.get_type_hints(cls), _documented(cls)
    return {
        field.name: Option(
            name=field.name,
            annotation=hints[field.name],
            kind=_written(hints[field.name]),
            choices=choices_of(hints[field.name]),
            default=_default(field),
            doc=documented.get(field.name, ""),
        )
        for field in dataclasses.fields(cls)
    }


def check_choices(method: Any) -> None:
    """Raise a :class:`ValueError` for an option whose value is none of its choices."""
    for option in options_of(type(method)).values():
        value = getattr(method, option.name)
        if option.annotation is bool:
            expect(isinstance(value, bool), option.name, "be True or False", shown(value))
        if not option.choices or (isinstance(value, str) and value in option.choices):
            continue
        others = [_numeric(kind) for kind in alternatives(option.annotation) if isinstance(kind, type)]
        if isinstance(value, tuple(others)):
            continue
        kinds = [f"a {kind.__name__}" for kind in others if kind not in (Real, type(None), tuple)]
        wanted = ", ".join([*map(repr, option.choices), *kinds])
        expect(False, option.name, f"be one of {wanted}", shown(value))


def check_names(known: dict[str, Option], given: typing.Iterable[str]) -> None:
    """Raise a :class:`ValueError` with ours, or the nearest, for an option that is not ``known``."""
    for name in given:
        if name not in known:
            raise ValueError(
                f"no option `{name}`{option_hint(name, known)}; it takes {', '.join(known) or 'none'}"
            )


def _written(annotation: Any) -> str:
    """An annotation in few words: ``float | 'black' | 'blur' | None``."""
    parts = []
    for kind in alternatives(annotation):
        if typing.get_origin(kind) is Literal:
            parts += map(repr, typing.get_args(kind))
        else:
            parts.append("None" if kind is type(None) else getattr(kind, "__name__", str(kind)))
    return " | ".join(parts)


def _numeric(kind: type) -> type:
    return Real if kind in (int, float) else kind


def _parse_order(kind: Any) -> int:
    """Text parses as almost anything, so it is tried last."""
    order = [bool, int, float]
    return order.index(kind) if kind in order else len(order) + (kind is str)


def _default(field: dataclasses.Field) -> Any:
    made = field.default_factory is not dataclasses.MISSING
    return field.default_factory() if made else field.default


def _documented(cls: type) -> dict[str, str]:
    """What the sections ``Attributes:`` (or ``Args:``) of a class and its bases say of each name.

    ``a, b: …`` is of both.
    """
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        section = re.search(
            r"^(?:Attributes|Args):\n((?:(?: +.*)?\n?)*)",
            inspect.cleandoc(base.__dict__.get("__doc__") or ""),
            re.M,
        )
        if section is None:
            continue
        for entry in re.split(r"^ {4}(?=\S)", section[1], flags=re.M)[1:]:
            names, _, text = entry.partition(":")
            names = re.sub(r"\s*\(.*?\)", "", names)  # types in brackets, as some write them
            found |= dict.fromkeys(re.split(r",\s*", names.strip()), " ".join(text.split()))
    return found
