"""``pyxai survey-scores``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pyxai.cli.tables import print_table
from pyxai.engine.errors import printable, refusals


def survey_scores(
    questions: Annotated[Path, typer.Argument(metavar="SURVEY.json", help="What was asked.")],
    answers: Annotated[list[Path], typer.Argument(metavar="ANSWERS.csv…", help="What participants saved.")],
    draws: Annotated[int, typer.Option(min=1, help="Of participants, for the intervals.")] = 2000,
    seed: Annotated[int, typer.Option(min=0, help="Of these draws.")] = 0,
) -> None:
    """Score the methods of a survey: preference ratio, or share of right answers, with 95 % intervals."""
    from pyxai.report import read_answers, read_survey, scores

    with refusals():
        asked = read_survey(questions)
        given = read_answers(asked, answers)
        found = scores(asked, given, draws=draws, seed=seed)
    people = len({answer.participant for answer in given})
    preference = asked.kind == "preference"
    print(f"{asked.kind}: {len(asked.questions)} questions, {people} participants")
    headings = ["method", "ratio", "95 %", "points"] if preference else ["method", "right", "95 %", "answers"]
    rows = [
        [
            printable(score.method),
            f"{score.share:.3f}",
            f"{score.low:.3f} to {score.high:.3f}" if people > 1 else "one participant",
            f"{score.count} of {score.total}",
        ]
        for score in found
    ]
    print_table(headings, rows)
