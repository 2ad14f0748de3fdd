"""What a survey asks: the file that says so, read and checked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pyxai.checks import expect, near, one_of

RANKS = ("first", "second", "third")
"""What a participant chooses in a question of a survey of preference."""

_LARGEST = 2**26  # bytes of a survey's file
_LONGEST = 200  # characters of a name


@dataclass(frozen=True)
class Choice:
    """A class, and pictures of it that a participant may compare with."""

    name: str
    references: tuple[Path, ...]


@dataclass(frozen=True)
class Preference:
    """A question of which explanations are the clearest.

    Attributes:
        id: tells it from the others.
        picture: the image that is explained.
        classes: those that are explained.
        shown: method to its pictures for each class, which stand one below the other.
    """

    id: str
    picture: Path
    classes: tuple[Choice, ...]
    shown: dict[str, tuple[tuple[Path, ...], ...]]


@dataclass(frozen=True)
class Meaning:
    """A question of which class an explanation is of.

    Attributes:
        id: tells it from the others.
        picture: the explanation.
        classes: those to choose from.
        method: what the explanation is by, which the page does not tell.
        answer: the number of the right class, from 0, which the page does not tell.
    """

    id: str
    picture: Path
    classes: tuple[Choice, ...]
    method: str
    answer: int


@dataclass(frozen=True)
class Survey:
    """A survey.

    Attributes:
        kind: what is asked: the ``preference`` among explanations or the ``meaning`` of one.
        title: of the page.
        questions: all of them, of one kind.
        key: tells it from every other survey; answers carry it.
    """

    kind: Literal["preference", "meaning"]
    title: str
    questions: tuple[Preference, ...] | tuple[Meaning, ...]
    key: str

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods that are compared, in the order of the file."""
        if self.kind == "preference":
            return tuple(self.questions[0].shown)
        return tuple(dict.fromkeys(question.method for question in self.questions))


def read_survey(path: str | Path) -> Survey:
    """The survey in a JSON file; `docs/methods/visualization.md` has its form.

    Places of pictures are relative to the file's folder.

    Raises:
        ValueError: it is no such file: in one line that says where and what.
    """
    path = Path(path)
    try:
        expect(path.is_file(), "survey", "be a JSON file", path)
        expect(path.stat().st_size <= _LARGEST, "survey", f"have at most {_LARGEST} bytes", path)
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"cannot read the survey {path}: {error}") from None
    return _Reader(path.parent).survey(found)


class _Reader:
    """Reads the parts of a survey; ``where`` is what of it a message names."""

    def __init__(self, folder: Path):
        self.folder = folder

    def survey(self, found: Any) -> Survey:
        kind, title, entries = self._parts(found, "survey", "kind", "title", "questions")
        one_of("kind", kind, ("preference", "meaning"))
        read = self._preference if kind == "preference" else self._meaning
        questions = self._list(entries, "questions", 1, read)
        self._distinct([question.id for question in questions], "the `id` of each question")
        if kind == "preference":
            methods = list(questions[0].shown)
            for question in questions:
                wanted = f"have the methods of the first question, {', '.join(methods)}"
                same = tuple(question.shown) == tuple(methods)
                expect(same, f"question {question.id}", wanted, [*question.shown])
        text = json.dumps(found, sort_keys=True, ensure_ascii=True)
        key = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
        return Survey(kind, self._name(title, "title"), tuple(questions), key)

    def _preference(self, found: Any, where: str) -> Preference:
        id_, picture, classes, shown = self._parts(found, where, "id", "picture", "classes", "explanations")
        classes = self._classes(classes, where, 1)

        def explanation(entry: Any, place: str) -> tuple[str, tuple[tuple[Path, ...], ...]]:
            method, pictures = self._parts(entry, place, "method", "pictures")
            pictures = self._list(pictures, f"{place}.pictures", 1, self._pictures)
            wanted = f"hold a list of pictures for each of the {len(classes)} classes"
            expect(len(pictures) == len(classes), f"{place}.pictures", wanted, f"{len(pictures)} lists")
            return self._name(method, f"{place}.method"), tuple(pictures)

        pairs = self._list(shown, f"{where}.explanations", len(RANKS), explanation)
        self._distinct([method for method, _ in pairs], f"the `method` of each explanation of {where}")
        place = self._place(picture, f"{where}.picture")
        return Preference(self._name(id_, f"{where}.id"), place, classes, dict(pairs))

    def _meaning(self, found: Any, where: str) -> Meaning:
        parts = self._parts(found, where, "id", "picture", "classes", "method", "answer")
        id_, picture, classes, method, answer = parts
        classes = self._classes(classes, where, 2)
        names = [choice.name for choice in classes]
        expect(answer in names, f"{where}.answer", f"be one of {', '.join(names)}", repr(answer))
        return Meaning(
            self._name(id_, f"{where}.id"),
            self._place(picture, f"{where}.picture"),
            classes,
            self._name(method, f"{where}.method"),
            names.index(answer),
        )

    def _classes(self, found: Any, where: str, least: int) -> tuple[Choice, ...]:
        def choice(entry: Any, place: str) -> Choice:
            name, references = self._parts(entry, place, "name", "references")
            references = self._list(references, f"{place}.references", 0, self._place)
            return Choice(self._name(name, f"{place}.name"), tuple(references))

        choices = self._list(found, f"{where}.classes", least, choice)
        self._distinct([one.name for one in choices], f"the `name` of each class of {where}")
        return tuple(choices)

    def _pictures(self, found: Any, where: str) -> tuple[Path, ...]:
        return tuple(self._list(found, where, 1, self._place))

    def _place(self, found: Any, where: str) -> Path:
        return self.folder / self._name(found, where)

    @staticmethod
    def _parts(found: Any, where: str, *names: str) -> list[Any]:
        """The entries of an object that has these and no others."""
        expect(isinstance(found, dict), where, "be an object", type(found).__name__)
        for name in found:
            wanted = f"have only {', '.join(names)}{near(name, names)}"
            expect(name in names, where, wanted, repr(name))
        for name in names:
            expect(name in found, where, f"have `{name}`", ", ".join(found) or "nothing")
        return [found[name] for name in names]

    @staticmethod
    def _list(found: Any, where: str, least: int, read: Callable[[Any, str], Any]) -> list[Any]:
        expect(isinstance(found, list), where, "be a list", type(found).__name__)
        expect(len(found) >= least, where, f"hold at least {least}", len(found))
        return [read(entry, f"{where}[{number}]") for number, entry in enumerate(found)]

    @staticmethod
    def _name(found: Any, where: str) -> str:
        fits = isinstance(found, str) and len(found.strip()) > 0 and len(found) <= _LONGEST
        expect(fits, where, f"be a text of 1 to {_LONGEST} characters", repr(found)[:80])
        return found

    @staticmethod
    def _distinct(names: Sequence[str], what: str) -> None:
        twice = next((name for name in names if names.count(name) > 1), None)
        expect(twice is None, "survey", f"tell apart {what}", f"{twice!r} twice")
