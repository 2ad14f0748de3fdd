"""``pyxai check``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pyxai.engine import RunError


def check(
    run: Annotated[Path, typer.Argument(metavar="RUN.zarr", help="A store made by `pyxai explain`.")],
    mark: Annotated[
        bool,
        typer.Option(
            "--mark", help="Make rows that are damaged pending: `pyxai explain --resume` does them."
        ),
    ] = False,
) -> None:
    """Read all of a store: checksums, values, status, text. Exit code 1 where something is wrong."""
    from pyxai.engine.store.verify import verify

    report = verify(run, mark)
    for line in report.faults:
        print(line)
    if report.faults:
        cure = "`pyxai check --mark` and then `pyxai explain --resume` do these rows again"
        done = f"{report.marked} rows are pending now, `pyxai explain --resume` does them again"
        raise RunError(f"{run} is damaged: {done if mark else cure}")
    print(f"{run} is whole: " + ", ".join(f"{count} {what}" for what, count in report.counts.items()))
