"""What participants of a survey answered: files of their pages, read and checked."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pyxai.checks import expect
from pyxai.report.survey import RANKS, Meaning, Preference, Survey

_LARGEST = 2**24  # bytes of a file of answers


@dataclass(frozen=True)
class Answer:
    """What a participant chose in one question.

    Attributes:
        participant: who.
        question: the number of the question in the survey, from 0.
        chosen: numbers from 0: of the explanations that are the first, the second and the third, or of the
            one class.
    """

    participant: str
    question: int
    chosen: tuple[int, ...]


def read_answers(survey: Survey, paths: Iterable[str | Path]) -> list[Answer]:
    """All answers in the files that participants saved, in the order of the files.

    Nothing is left out or mended: each participant has one answer to each question, in one file or several.

    Raises:
        ValueError: a file is no such file, belongs to another survey, or has a row that cannot be; a question
            is answered twice by a participant, or not at all: in one line that says where and what.
    """
    places: dict[tuple[str, int], str] = {}
    answers = []
    for path in paths:
        for place, answer in _rows(survey, Path(path)):
            key = answer.participant, answer.question
            got = (
                f"answers to {survey.questions[answer.question].id!r} of {answer.participant!r} there and in"
            )
            expect(key not in places, place, "answer what is not answered yet", f"{got} {places.get(key)}")
            places[key] = place
            answers.append(answer)
    expect(bool(answers), "answers", "hold at least one row", "none")
    for participant in dict.fromkeys(answer.participant for answer in answers):
        missing = [
            question.id
            for number, question in enumerate(survey.questions)
            if (participant, number) not in places
        ]
        wanted = f"have an answer of {participant!r} to every question"
        expect(not missing, "answers", wanted, f"none to {', '.join(map(repr, missing[:5]))}")
    return answers


def columns(survey: Survey) -> tuple[str, ...]:
    """The first line of a file of answers."""
    chosen = RANKS if survey.kind == "preference" else ("choice",)
    return ("survey", "participant", "question", *chosen)


def _rows(survey: Survey, path: Path) -> list[tuple[str, Answer]]:
    """The answers of a file, each with the place where it stands."""
    try:
        expect(path.stat().st_size <= _LARGEST, "file", f"have at most {_LARGEST} bytes", path)
        text = path.read_text(encoding="utf-8-sig")
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        rows = [(f"{path}, line {reader.line_num}", row) for row in reader if row]
    except (OSError, ValueError, csv.Error) as error:
        raise ValueError(f"cannot read the answers {path}: {error}") from None
    wanted = columns(survey)
    expect(
        bool(rows) and tuple(rows[0][1]) == wanted, str(path), f"begin with {','.join(wanted)}", _first(rows)
    )
    numbers = {question.id: number for number, question in enumerate(survey.questions)}
    return [(place, _answer(survey, numbers, place, row)) for place, row in rows[1:]]


def _answer(survey: Survey, numbers: dict[str, int], place: str, row: list[str]) -> Answer:
    count = len(columns(survey))
    expect(len(row) == count, place, f"have {count} entries", len(row))
    key, participant, name, *chosen = row
    expect(key == survey.key, place, f"belong to the survey {survey.key}", repr(key))
    named = re.fullmatch(r"[A-Za-z0-9_-]{1,40}", participant)
    expect(bool(named), place, "have letters, digits, - and _ as participant", repr(participant))
    expect(name in numbers, place, "name a question of the survey", repr(name))
    question: Preference | Meaning = survey.questions[numbers[name]]
    among = len(question.shown) if isinstance(question, Preference) else len(question.classes)
    for text in chosen:
        fits = re.fullmatch(r"[1-9]\d{0,5}", text) and int(text) <= among
        expect(bool(fits), place, f"choose numbers from 1 to {among}", repr(text))
    expect(len({*chosen}) == len(chosen), place, "choose nothing twice", ", ".join(chosen))
    return Answer(participant, numbers[name], tuple(int(text) - 1 for text in chosen))


def _first(rows: list[tuple[str, list[str]]]) -> str:
    return repr(",".join(rows[0][1]))[:100] if rows else "an empty file"
