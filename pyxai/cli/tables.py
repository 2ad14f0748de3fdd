"""Tables on the terminal."""

from __future__ import annotations

import sys


def print_table(headings: list[str], rows: list[list[str]]) -> None:
    """Print rows of cells under their headings, cut to the terminal where there is one."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(*headings, box=box.SIMPLE_HEAD)
    for row in rows:
        table.add_row(*row)
    # cut to the terminal, but not to the 80 columns assumed where there is none
    console = Console() if sys.stdout.isatty() else Console(width=160)
    console.print(table, markup=False)
