"""What the answers to a survey come to, method by method."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pyxai.checks import expect, whole
from pyxai.report.answers import Answer
from pyxai.report.survey import Survey

POINTS = (3, 2, 1)
"""Of the first, the second and the third choice; all others have none."""

_TAILS = (2.5, 97.5)  # percentiles that an interval lies between


@dataclass(frozen=True)
class Score:
    """How a method did.

    Attributes:
        method: its name.
        share: of preference, its part of all points that were given; of meaning, the part of the answers that
            are right.
        low, high: the middle 95 % of what it is where participants are drawn anew, with replacement; NaN of
            fewer than two participants.
        count: its points, or its right answers.
        total: all points, or its answers.
    """

    method: str
    share: float
    low: float
    high: float
    count: int
    total: int


def scores(survey: Survey, answers: Sequence[Answer], *, draws: int = 2000, seed: int = 0) -> list[Score]:
    """The preference ratio or the share of right answers of each method, the best first.

    Args:
        answers: those of :func:`pyxai.report.read_answers`.
        draws: how often participants are drawn anew for the intervals.
        seed: of these draws.

    Raises:
        ValueError: there are no answers.
    """
    whole("draws", draws, 1)
    whole("seed", seed, 0)
    expect(len(answers) > 0, "answers", "hold at least one", 0)
    counts, totals = _counted(survey, answers)
    share = counts.sum(0) / totals.sum(0)
    low = high = np.full(len(share), math.nan)
    if len(counts) > 1:
        chosen = np.random.default_rng(seed).integers(len(counts), size=(draws, len(counts)))
        drawn = counts[chosen].sum(1) / totals[chosen].sum(1)
        low, high = np.percentile(drawn, _TAILS, axis=0)
    found = [
        Score(method, *map(float, numbers), int(count), int(total))
        for method, *numbers, count, total in zip(
            survey.methods, share, low, high, counts.sum(0), totals.sum(0), strict=True
        )
    ]
    return sorted(found, key=lambda score: -score.share)


def _counted(survey: Survey, answers: Sequence[Answer]) -> tuple[np.ndarray, np.ndarray]:
    """Points or right answers, and what they are out of, (participants, methods) each."""
    rows = {name: row for row, name in enumerate(dict.fromkeys(answer.participant for answer in answers))}
    columns = {method: column for column, method in enumerate(survey.methods)}
    counts, totals = np.zeros((2, len(rows), len(columns)), np.int64)
    for answer in answers:
        row = rows[answer.participant]
        if survey.kind == "preference":
            for points, column in zip(POINTS, answer.chosen, strict=True):
                counts[row, column] += points
            totals[row] += sum(POINTS)
        else:
            question = survey.questions[answer.question]
            column = columns[question.method]
            counts[row, column] += answer.chosen == (question.answer,)
            totals[row, column] += 1
    return counts, totals
