"""``pyxai methods``."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING, Annotated

import typer

from pyxai.cli.tables import print_table
from pyxai.engine.errors import refusals

if TYPE_CHECKING:
    from pyxai.methods import Method

_INDENT = " " * 6


def methods(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="One method, or path/file.py:NAME, with its options explained."),
    ] = None,
) -> None:
    """The methods with their families, what they need, and their options with types and defaults."""
    from pyxai.methods import get_method, list_methods

    if name is not None:
        with refusals():
            print(_described(get_method(name)))
        return
    rows = []
    for method in map(get_method, list_methods()):
        options = [
            f"{option.name}: {option.kind} = {option.default!r}" for option in method.options().values()
        ]
        rows.append([method.name, method.family, str(method.needs), "\n".join(options) or "none"])
    print_table(["method", "family", "needs", "options"], rows)


def _described(method: type[Method]) -> str:
    """What a method computes, needs and where, and what each of its options means, as its class says."""
    lines = [f"{method.name} ({method.family}, needs {method.needs})", _plain(method.summary())]
    if method.volumes:
        lines.append("Takes volumes and clips, too.")
    if method.host:
        lines.append(f"Takes every image to the CPU, where {method.host}.")
    for option in method.options().values():
        default = option.default if isinstance(option.default, str) else repr(option.default)
        lines += ["", f"  --set {option.name}={default}    {option.kind}"]
        lines += textwrap.wrap(_plain(option.doc), 90, initial_indent=_INDENT, subsequent_indent=_INDENT)
    return "\n".join(lines if method.options() else [*lines, "", "  It has no options."])


def _plain(text: str) -> str:
    """A docstring's roles and literals without their marks."""
    return re.sub(r":\w+:`([^`]+)`", r"\1", text).replace("``", "")
