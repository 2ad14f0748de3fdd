"""The table of methods. A method is a frozen dataclass of its options with an ``attribute`` function.

The dataclass is the single source of an option's name, type, default and documentation: Python keywords, the
command line's ``--set name=value`` and a stored run's manifest are all made from it.
"""

from __future__ import annotations

import dataclasses
import difflib
import types
import typing
from dataclasses import dataclass
from typing import Any, Literal

Needs = Literal["gradients", "graph", "layer", "training", "none"]

_METHODS: dict[str, Method] = {}


@dataclass(frozen=True)
class Method:
    """One row of :func:`methods`.

    Attributes:
        name: what ``pyxai.explain(method=…)`` takes.
        family: the group it is documented under.
        needs: what it asks of the model: ``gradients`` (any differentiable model), ``graph`` (a captured
            one), ``layer``, ``training``, or ``none``.
        colour: whether maps have the input's channels, (N, C, H, W), or one channel, (N, 1, H, W).
        options: the frozen dataclass of its options.
    """

    name: str
    family: str
    needs: Needs
    colour: bool
    options: type

    @property
    def summary(self) -> str:
        """First line of the method's documentation."""
        return (self.options.__doc__ or "").strip().splitlines()[0]

    def fields(self) -> dict[str, tuple[str, Any]]:
        """Option name to (type as written, default)."""
        return {f.name: (f.type, _default(f)) for f in dataclasses.fields(self.options)}


def register(name: str, *, family: str, needs: Needs = "gradients", colour: bool = True):
    """Class decorator: make a frozen dataclass and enter it into the table under ``name``."""

    def enter(cls: type) -> type:
        cls = dataclass(frozen=True)(cls)
        cls.method_name = name
        _METHODS[name] = Method(name, family, needs, colour, cls)
        return cls

    return enter


def methods() -> list[Method]:
    """Every method, sorted by family and name."""
    return sorted(_METHODS.values(), key=lambda m: (m.family, m.name))


def method(name: str) -> Method:
    """The method called ``name``; a :class:`ValueError` with the nearest names where there is none."""
    if name not in _METHODS:
        raise ValueError(f"no method {name!r}{_nearest(name, _METHODS)}; pyxai.methods() lists them")
    return _METHODS[name]


def build(name: str, options: dict[str, Any]):
    """The options dataclass of ``name`` filled with ``options``; unknown names are a :class:`ValueError`."""
    entry = method(name)
    known = entry.fields()
    for key in options:
        if key not in known:
            raise ValueError(
                f"{name}: no option `{key}`{_nearest(key, known)}; it takes {', '.join(known) or 'none'}"
            )
    options = {key: tuple(value) if isinstance(value, list) else value for key, value in options.items()}
    try:
        return entry.options(**options)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{name}: {error}") from None


def parse_options(name: str, assignments: list[str]) -> dict[str, Any]:
    """Turn ``["steps=64", "baseline=black", "of.steps=8"]`` into typed option values for ``name``.

    ``a.b=c`` sets the entry ``b`` of the dictionary option ``a_options`` (options of a wrapped method, whose
    name is the option ``a``).
    """
    entry = method(name)
    hints = typing.get_type_hints(entry.options)
    values: dict[str, Any] = {}
    nested: dict[str, list[str]] = {}
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if not equals:
            raise ValueError(f"{name}: options are written name=value, got {assignment!r}")
        outer, dot, inner = key.partition(".")
        if dot and f"{outer}_options" in hints:
            nested.setdefault(outer, []).append(f"{inner}={text}")
            continue
        if key not in hints:
            raise ValueError(
                f"{name}: no option `{key}`{_nearest(key, hints)}; it takes {', '.join(entry.fields())}"
            )
        values[key] = _convert(name, key, text, hints[key])
    defaults = entry.fields()
    for outer, inner in nested.items():
        values[f"{outer}_options"] = parse_options(values.get(outer, defaults[outer][1]), inner)
    return values


def _convert(name: str, key: str, text: str, hint: Any) -> Any:
    alternatives = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    if type(None) in alternatives and text.lower() == "none":
        return None
    for kind in sorted(alternatives, key=_PARSE_ORDER):
        origin = typing.get_origin(kind)
        try:
            if kind is bool:
                return {"true": True, "false": False}[text.lower()]
            if kind in (int, float):
                return kind(text)
            if kind is tuple and "," in text:
                return tuple(float(part) for part in text.split(","))
            if kind is str or origin is Literal:
                return text
        except (ValueError, KeyError):
            continue
    wanted = " or ".join(
        getattr(kind, "__name__", str(kind)) for kind in alternatives if kind is not type(None)
    )
    raise ValueError(f"{name}: `{key}` must be {wanted}, got {text!r}")


def _PARSE_ORDER(kind: Any) -> int:  # text parses as almost anything, so it is tried last
    order = [bool, int, float]
    return order.index(kind) if kind in order else len(order) + (kind is str)


def _default(field: dataclasses.Field) -> Any:
    return field.default_factory() if field.default is dataclasses.MISSING else field.default


def _nearest(word: str, known) -> str:
    close = difflib.get_close_matches(word, known, 1)
    return f" (did you mean {close[0]!r}?)" if close else ""
