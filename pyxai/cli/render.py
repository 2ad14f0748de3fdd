"""``pyxai render``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from pyxai.cli import values
from pyxai.cli.messages import say
from pyxai.engine import InputError
from pyxai.engine.errors import refusals
from pyxai.engine.status import MEANING, OK, PENDING


def render(
    run: Annotated[Path, typer.Argument(metavar="RUN.zarr", help="A store made by `pyxai explain`.")],
    index: Annotated[
        str | None,
        typer.Option(metavar="A:B", help="Rows: 5, 0:16 or 3,8,20. Default: 0:16; with --each, all."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE.png", help="The sheet. Default: sheet.png.")
    ] = None,
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
    from pyxai.render.write import check_ending

    if size is not None and each is None:
        raise InputError("--size is of the overlays that --each writes")
    if out is not None and each is not None:
        raise InputError("--out is a sheet, --each are overlays in its place: give one of the two")
    out = out or Path("sheet.png")
    with refusals():
        check_ending(out)
    index = index or (":" if each else "0:16")
    stored = open(run)
    status = stored.status
    asked = values.rows(index, len(stored))
    rows = [row for row in asked if status[row] == OK]
    if not rows:
        counts = _counts(status[row] for row in asked)
        raise InputError(f"--index {index} has no explained image in it" + (f": {counts}" if counts else ""))
    names, place = values.class_names(classes), each or out
    try:
        with refusals():  # the colour map
            if each is None:
                draw(stored, rows, out, names, cmap, percentile)
                print(out)
            else:
                count = draw_each(stored, rows, each, names, cmap, percentile, size)
                print(f"{count} {'overlay' if count == 1 else 'overlays'} in {each}")
    except OSError as error:
        raise InputError(f"cannot write {error.filename or place}: {error.strerror or error}") from None
    if len(rows) < len(asked):
        left = [int(status[row]) for row in asked if status[row] != OK]
        why = f"; why: {_reasons(run)}" if any(code != PENDING for code in left) else ""
        say(f"left out {len(left)} of {len(asked)} rows: {_counts(left)}{why}")
    if pending := int((status == PENDING).sum()):
        say(f"{run} is not finished, {pending} of {len(stored)} rows are pending: continue with --resume")


def _counts(status: Iterable[int]) -> str:
    """How many rows there are of each kind, in words."""
    return ", ".join(f"{count} {MEANING[code]}" for code, count in sorted(Counter(map(int, status)).items()))


def _reasons(run: Path) -> str:
    """The files that say why rows failed; of a store of several sizes, each has its own."""
    from pyxai.engine.store.sizes import is_by_size
    from pyxai.engine.store.store import ERRORS

    return f"{run}/*/{ERRORS}" if is_by_size(run) else f"{run}/{ERRORS}"
