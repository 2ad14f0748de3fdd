"""Tables on the terminal."""

from __future__ import annotations

import io
import sys


def print_table(headings: list[str], rows: list[list[str]]) -> None:
    """Print rows of cells under their headings, cut to the terminal where there is one.

    Elsewhere the first line is that of the headings, and no line is filled up with spaces.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(*headings, box=box.SIMPLE_HEAD)
    for row in rows:
        table.add_row(*row)
    if sys.stdout.isatty():
        Console().print(table, markup=False)
        return
    text = io.StringIO()
    Console(file=text, width=160).print(table, markup=False)  # not the 80 columns that are assumed else
    lines = [line.rstrip() for line in text.getvalue().splitlines()]
    print("\n".join(line for line in lines if line))
