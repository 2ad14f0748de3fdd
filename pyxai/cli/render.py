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
    index: Annotated[
        str | None,
        typer.Option(metavar="A:B", help="Rows: 5, 0:16 or 3,8,20. Default: 0:16; with --each, all."),
    ] = None,
    out: Annotated[Path, typer.Option(metavar="FILE.png", help="The sheet.")] = Path("sheet.png"),
    each: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="In place of a sheet, one overlay for each image and target, as PNG files."
        ),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(min=1, help="With --each: long side in pixels; default: that of the explained image."),
    ] = None,
    cmap: Annotated[str, typer.Option(metavar="diverging|jet|gray")] = "diverging",
    percentile: Annotated[
        float,
        typer.Option(min=50.0, max=100.0, help="Of a map's values; what lies beyond is shown alike."),
    ] = 99.5,
    classes: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Class names, else those of the run: .json list or object, or one name a line.",
        ),
    ] = None,
) -> None:
    """Draw a contact sheet: input, heat map, overlay, class, score and residual of some rows. Or overlays."""
    from pyxai.engine import open
    from pyxai.engine.store.sheet import draw, draw_each

    if size is not None and each is None:
        raise InputError("--size is of the overlays that --each writes")
    index = index or (":" if each else "0:16")
    stored = open(run)
    explained = stored.status == OK
    rows = [row for row in values.rows(index, len(stored)) if explained[row]]
    if not rows:
        raise InputError(f"--index {index} has no explained image in it")
    names, place = values.class_names(classes), each or out
    try:
        with refusals():  # the colour map, or the ending of the file's name
            if each is None:
                draw(stored, rows, out, names, cmap, percentile)
                print(out)
            else:
                print(f"{draw_each(stored, rows, each, names, cmap, percentile, size)} overlays in {each}")
    except OSError as error:
        raise InputError(f"cannot write {error.filename or place}: {error.strerror or error}") from None
