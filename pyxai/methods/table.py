"""Methods by name: those of the package, those of installed packages, and those of a file."""

from __future__ import annotations

import importlib
import os
import pkgutil
import warnings
from functools import cache
from importlib.metadata import entry_points
from typing import Any

from pyxai.checks import expect, naming, near, plain, shown
from pyxai.methods.elsewhere import method_hint
from pyxai.methods.method import REGISTRY, Method
from pyxai.methods.options import check_names
from pyxai.modules import import_named

ENTRY_POINTS = "pyxai.methods"
"""Group of the entry points by which an installed package adds its methods."""


def list_methods(family: str | None = None) -> list[str]:
    """Names of all methods, sorted by family and name.

    Args:
        family: only the methods of this family.
    """
    _discover()
    known = sorted(REGISTRY.values(), key=lambda method: (method.family, method.name))
    return [method.name for method in known if family in (None, method.family)]


def get_method(name: str) -> type[Method]:
    """The class of the method called ``name``.

    Args:
        name: a name of :func:`list_methods`, or ``path/file.py:NAME`` for one that a file of yours defines.

    Raises:
        ValueError: there is none; with the nearest names.
    """
    _discover()
    expect(isinstance(name, str), "method", "be the name of a method", shown(name), TypeError)
    place, _, name = name.rpartition(":")
    if place:
        try:
            module = import_named(place)
        except Exception as error:  # the user's own code may raise anything
            raise ValueError(f"cannot import the method {place}:{name}: {error}") from error
        own = [known for known, method in REGISTRY.items() if method.__module__ == module.__name__]
        if place.endswith(".py") and name not in own:
            raise ValueError(f"no method {name!r}{near(name, own)} in {place}")
    if name not in REGISTRY:
        raise ValueError(f"no method {name!r}{method_hint(name, REGISTRY)}; pyxai.list_methods() lists them")
    return REGISTRY[name]


def build(name: str, options: dict[str, Any]) -> Method:
    """The method ``name`` with these ``options``.

    Raises:
        ValueError, TypeError: no such method or option, or a value that an option cannot have; the message
            begins with the method's name where it is known.
    """
    method = get_method(name)
    values = {
        key: tuple(value) if isinstance(value, list) else plain(value) for key, value in options.items()
    }
    with naming(method.name):
        check_names(method.options(), values)
        return method(**values)


def parse_options(name: str, assignments: list[str]) -> dict[str, Any]:
    """Turn ``["steps=64", "baseline=black", "of.steps=8"]`` into typed option values for ``name``.

    ``a.b=c`` sets the entry ``b`` of the dictionary option ``a_options``: the options of a wrapped method,
    whose name is the option ``a``.
    """
    method = get_method(name)
    known = method.options()
    values: dict[str, Any] = {}
    nested: dict[str, list[str]] = {}
    for assignment in assignments:
        with naming(method.name):
            key, equals, text = assignment.partition("=")
            if not equals:
                raise ValueError(f"options are written name=value, got {assignment!r}")
            outer, dot, inner = key.partition(".")
            if dot and f"{outer}_options" in known:
                nested.setdefault(outer, []).append(f"{inner}={text}")
                continue
            check_names(known, [key])
            values[key] = known[key].parse(text)
    for outer, inner in nested.items():
        values[f"{outer}_options"] = parse_options(values.get(outer, known[outer].default), inner)
    return values


def fill_options(name: str, options: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    """``options`` of ``name``, and of a method it wraps, with what is ``known`` where they are silent."""
    declared, filled = get_method(name).options(), dict(options)
    for key in known.keys() & declared.keys():
        filled.setdefault(key, known[key])
    for key in [key for key in declared if f"{key}_options" in declared]:
        inner = filled.get(f"{key}_options", {})
        if isinstance(inner, dict):  # else the method refuses it
            wrapped = filled.get(key, declared[key].default)
            filled[f"{key}_options"] = fill_options(wrapped, inner, known)
    return filled


@cache
def _discover() -> None:
    """Import every method of the package, and what other packages entered under :data:`ENTRY_POINTS`."""
    for found in pkgutil.walk_packages([os.path.dirname(__file__)], "pyxai.methods."):
        importlib.import_module(found.name)
    for entry in entry_points(group=ENTRY_POINTS):
        try:
            entry.load()
        except Exception as error:  # another package's code may raise anything
            warnings.warn(f"the methods of {entry.value} cannot be imported: {error}", stacklevel=2)
