"""``pyxai render``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pyxai.cli import values
from pyxai.engine import InputError
from pyxai.engine.errors import refusals
from pyxai.engine.status import OK


def render(
    run: Annotated[Path, typer.Argument(metavar="RUN.zarr", help="A store made by `pyxai explain`.")],
    index: Annotated[str, typer.Option(metavar="A:B", help="Rows: 5, 0:16 or 3,8,20.")] = "0:16",
    out: Annotated[Path, typer.Option(metavar="FILE.png")] = Path("sheet.png"),
    cmap: Annotated[str, typer.Option(metavar="diverging|jet|gray")] = "diverging",
    classes: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Class names: .json list or object, or one name a line."),
    ] = None,
) -> None:
    """Draw a contact sheet: input, heat map, overlay, class, score and residual of some rows."""
    from pyxai.engine import open
    from pyxai.engine.store.sheet import draw

    stored = open(run)
    explained = stored.status == OK
    rows = [row for row in values.rows(index, len(stored)) if explained[row]]
    if not rows:
        raise InputError(f"--index {index} has no explained image in it")
    try:
        with refusals():  # the class names, the colour map, or the ending of the file's name
            draw(stored, rows, out, values.class_names(classes), cmap)
    except OSError as error:
        raise InputError(f"cannot write {out}: {error.strerror or error}") from None
    print(out)
