"""``pyxai dxai evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pyxai.cli.values import EVAL

COLUMNS = {
    "area": "β-AUC",
    "area_absolute": "β-AUC, absolute",
    "deletion": "deletion AUC",
    "agnostic": "|p - 1/c|",
}


def evaluate(
    run: Annotated[Path, typer.Option(metavar="RUN", help="Folder of a training.")],
    data: Annotated[Path, typer.Option(metavar="FOLDER", help="Held-out pictures, as for training.")],
    model: Annotated[
        str | None,
        typer.Option(metavar="SPEC", help="The classifier that judges; default: the one trained in RUN."),
    ] = None,
    methods: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,…",
            help="Heat maps; default: all of the classifier that need no further options, but for the slow "
            "rate-distortion ones.",
        ),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Pictures of each class, at most.")] = 100,
    rows: Annotated[int, typer.Option(min=1, help="Pictures at a time.")] = 16,
    labels: Annotated[
        bool, typer.Option("--labels", help="Explain the true classes, as the authors' code does.")
    ] = False,
    signed: Annotated[
        bool, typer.Option("--signed", help="Keep heat maps' negative values, as the authors' code does.")
    ] = False,
    eval_: Annotated[bool, EVAL] = False,
    device: Annotated[str | None, typer.Option(help="Default: cuda where there is one.")] = None,
) -> None:
    """Areas under accuracy against β (Tab. 1) and against deleted pixels (Tab. 2); written to RUN too."""
    from pyxai.engine.decomposition import evaluate as tables

    result = tables.evaluate(
        run,
        data,
        model,
        methods=methods,
        limit=limit,
        rows=rows,
        labels=labels,
        signed=signed,
        evaluation=eval_,
        device=device,
    )
    print(tables.told(result))
    print(tables.table_text(result["methods"], COLUMNS))
