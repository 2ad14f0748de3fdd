"""``pyxai render``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from pyxai.engine import InputError
from pyxai.engine.status import OK

if TYPE_CHECKING:
    from pyxai.engine.store.reader import Run
    from pyxai.engine.store.sizes import SizedRun


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
    from pyxai.render import contact_sheet, read_class_names

    stored = open(run)
    try:
        names = read_class_names(classes) if classes else {}
        explained = stored.status == OK
        rows = [row for row in _rows(index, len(stored)) if explained[row]]
        cards = [card for row in rows for card in _cards(stored, row, names)]
        if not cards:
            raise InputError(f"--index {index} has no explained image in it")
        manifest = stored.manifest
        named = [manifest["method"], *([manifest["model"]["spec"]] if manifest["model"] else [])]
        contact_sheet(cards, out, title=", ".join(named), cmap=cmap)
    except InputError:
        raise
    except ValueError as error:  # the class names, the colour map, or the ending of the file's name
        raise InputError(str(error)) from None
    except OSError as error:
        raise InputError(f"cannot write {out}: {error.strerror or error}") from None
    print(out)


def _rows(index: str, count: int) -> list[int]:
    """``5``, ``0:16`` or ``3,8,20`` as row numbers; a range is cut at the end of the run."""
    try:
        if ":" in index:
            start, stop = (int(part) if part else None for part in index.split(":"))
            return list(range(count))[start:stop]
        rows = [int(part) for part in index.split(",")]
    except ValueError:
        raise InputError(f"--index must be like 5, 0:16 or 3,8,20, got {index!r}") from None
    for row in rows:
        if not 0 <= row < count:
            raise InputError(f"--index {row} is not in the run, which has rows 0 to {count - 1}")
    return rows


def _cards(run: Run | SizedRun, row: int, names: dict[int, str]) -> list:
    """One card for each target of a row."""
    from pyxai.render import Row

    image, explanation = run.image(row), run[row]
    image = np.repeat(image, 3, axis=2) if image.shape[2] == 1 else image
    maps = explanation.heatmap()[0].float().numpy()
    maps = maps.reshape(-1, *maps.shape[-2:])
    if explanation.target is None:
        return [Row(image, heatmap, run.paths[row]) for heatmap in maps]
    target, score = explanation.target[0].reshape(-1), explanation.score[0].reshape(-1)
    residual = None if explanation.residual is None else explanation.residual[0].reshape(-1)
    return [
        Row(
            image,
            heatmap,
            names.get(int(target[place]), f"class {int(target[place])}"),
            float(score[place]),
            None if residual is None else float(residual[place]),
        )
        for place, heatmap in enumerate(maps)
    ]
