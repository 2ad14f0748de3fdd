"""The page of a survey: one file that needs no network."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from pyxai.modules import need
from pyxai.report.pictures import data_uri
from pyxai.report.survey import RANKS, Meaning, Preference, Survey

_TEMPLATES = Path(__file__).parent / "templates"


def survey_page(survey: Survey) -> str:
    """The survey as HTML, for a file that a browser opens.

    All is in it, pictures too. A participant gives an identifier, which decides the order of all that is
    shown, answers, and saves a file of answers for :func:`pyxai.report.read_answers`. Names of methods and
    right answers are not in the page. A browser runs no script in it but its own, and loads nothing.

    Raises:
        ValueError: a picture cannot be read.
        ImportError: jinja2 is not installed.
    """
    jinja2 = need("jinja2", "the page of a survey", "pyxai-torch[report]")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined
    )
    style, *scripts = (_part(name) for name in ("survey.css", "order.js", "survey.js"))
    script = "\n".join(scripts)
    return environment.get_template("survey.html").render(
        title=survey.title,
        data=_data(survey),
        style=style,
        script=script,
        style_hash=_hash(style),
        script_hash=_hash(script),
    )


def _data(survey: Survey) -> dict[str, Any]:
    """What the page's script is told."""
    inlined = cache(data_uri)

    def classes(question: Preference | Meaning) -> list[dict[str, Any]]:
        return [
            {"name": choice.name, "references": [inlined(place) for place in choice.references]}
            for choice in question.classes
        ]

    questions = [
        {"id": question.id, "picture": inlined(question.picture), "classes": classes(question)}
        for question in survey.questions
    ]
    if survey.kind == "preference":
        for asked, question in zip(questions, survey.questions, strict=True):
            asked["explanations"] = [
                [[inlined(place) for place in of_class] for of_class in shown]
                for shown in question.shown.values()
            ]
    return {"key": survey.key, "kind": survey.kind, "ranks": RANKS, "questions": questions}


def _part(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """What a content security policy knows a script or a style by."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
