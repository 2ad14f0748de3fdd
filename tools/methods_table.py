"""Write the tables of methods and their options into `docs/methods/`, from the classes themselves.

`python -m tools.methods_table` rewrites what stands between the markers of the index, `README.md`, and of
each family's page; a family without a page gets one. `--check` only says whether they are up to date (exit
code 1 if not).
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

import pyxai
from pyxai.methods import Method, Option, get_method
from tools.markers import markers, rewrite

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "methods"
SUBJECT = "methods"


def methods() -> list[type[Method]]:
    """The methods that come with the package, by family and name."""
    known = map(get_method, pyxai.list_methods())
    return [method for method in known if method.__module__.startswith("pyxai.methods.")]


def pages(known: Iterable[type[Method]]) -> dict[str, str]:
    """File name to what stands between the markers there: the index, and a page for each family."""
    known = sorted(known, key=lambda method: (method.family, method.name))
    families = {family: list(group) for family, group in groupby(known, lambda method: method.family)}
    return {"README.md": _index(known)} | {
        f"{family}.md": "\n\n".join(map(_section, group)) for family, group in families.items()
    }


def new_page(family: str) -> str:
    """A page for a family that has none yet."""
    start, end = markers(SUBJECT)
    return f"# {family.replace('_', ' ').capitalize()}\n\n{start}\n{end}\n"


def _index(known: list[type[Method]]) -> str:
    rows = [
        f"| [`{method.name}`]({method.family}.md#options-of-{method.name}) | {method.family} "
        f"| {method.needs} | {_cell(_markdown(method.summary()))} |"
        for method in known
    ]
    return "\n".join(["| method | family | needs | the map |", "|---|---|---|---|", *rows])


def _section(method: type[Method]) -> str:
    host = f" Takes every image to the CPU, where {method.host}." if method.host else ""
    volumes = " Takes volumes and clips, too." if method.volumes else ""
    needs = f"{_markdown(method.summary())} Needs: {method.needs}.{volumes}{host}"
    lines = [f"### Options of `{method.name}`", "", needs]
    if options := method.options().values():
        lines += ["", "| option | type | default | |", "|---|---|---|---|", *map(_row, options)]
    else:
        lines += ["", "It has no options."]
    return "\n".join(lines)


def _row(option: Option) -> str:
    kind, default = (f"`{_cell(text)}`" for text in (option.kind, repr(option.default)))
    return f"| `{option.name}` | {kind} | {default} | {_cell(_markdown(option.doc))} |"


def _markdown(text: str) -> str:
    """A docstring's roles and literals as Markdown."""
    return re.sub(r":\w+:`([^`]+)`", r"`\1`", text).replace("``", "`")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing, fail if a page is out of date")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the pages are")
    arguments = parser.parse_args(argv)
    stale = 0
    for name, text in pages(methods()).items():
        path = arguments.folder / name
        old = path.read_text() if path.exists() else ""
        new = rewrite(old or new_page(path.stem), SUBJECT, text)
        if arguments.check and new != old:
            print(f"{path} is out of date: run `python -m tools.methods_table`")
            stale = 1
        if not arguments.check:
            path.write_text(new)
    return stale


if __name__ == "__main__":
    sys.exit(main())
