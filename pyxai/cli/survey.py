"""``pyxai survey``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pyxai.engine import InputError
from pyxai.engine.errors import refusals


def survey(
    questions: Annotated[Path, typer.Argument(metavar="SURVEY.json", help="What is asked.")],
    out: Annotated[Path, typer.Option(metavar="FILE.html", help="The page.")] = Path("survey.html"),
) -> None:
    """Write the page of a survey of explanations: one file, without a network, that saves answers as CSV."""
    from pyxai.report import read_survey, survey_page

    with refusals():
        page = survey_page(read_survey(questions))
    try:
        out.write_text(page, encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write {out}: {error.strerror or error}") from None
    print(out)
