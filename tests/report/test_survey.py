"""Files of surveys: what is read, and what is refused in one line."""

import copy

import pytest

from pyxai.report import read_survey
from tests.report.conftest import CLASSES, METHODS, meaning, preference


def test_a_survey_of_preference(stored, tmp_path):
    survey = read_survey(stored(preference(tmp_path)))
    assert (survey.kind, survey.methods) == ("preference", METHODS)
    question = survey.questions[1]
    assert question.id == "image 1" and question.picture == tmp_path / "image1.png"
    assert tuple(choice.name for choice in question.classes) == CLASSES
    assert question.shown["blur"][1] == (tmp_path / "1-2-1-a.png", tmp_path / "1-2-1-b.png")


def test_a_survey_of_meaning(stored, tmp_path):
    survey = read_survey(stored(meaning(tmp_path)))
    assert survey.methods == ("pyramid", "lrp")
    assert [question.answer for question in survey.questions] == [0, 1, 2]


def test_the_key_tells_surveys_apart(stored, tmp_path):
    document = preference(tmp_path)
    first = read_survey(stored(document)).key
    assert read_survey(stored(dict(reversed(document.items())))).key == first
    document["questions"][0]["id"] = "another"
    assert read_survey(stored(document)).key != first


def changed(document, change):
    document = copy.deepcopy(document)
    change(document)
    return document


@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        (preference, lambda d: d.update(kind="taste"), "`kind` must be one of 'preference', 'meaning'"),
        (preference, lambda d: d.pop("title"), "`survey` must have `title`, got kind, questions"),
        (preference, lambda d: d.update(titel=1), "did you mean 'title'"),
        (preference, lambda d: d.update(questions=[]), "`questions` must hold at least 1, got 0"),
        (preference, lambda d: d["questions"][1].update(id="image 0"), "'image 0' twice"),
        (preference, lambda d: d["questions"][1]["explanations"].pop(), "must have the methods of the first"),
        (
            preference,
            lambda d: d["questions"][0]["explanations"][1].update(method="pyramid"),
            "'pyramid' twice",
        ),
        (
            preference,
            lambda d: d["questions"][0]["explanations"][2]["pictures"].pop(),
            r"`questions\[0\].explanations\[2\].pictures` must hold a list of pictures for each of the 2",
        ),
        (
            preference,
            lambda d: d["questions"][0].update(explanations=d["questions"][0]["explanations"][:2]),
            r"`questions\[0\].explanations` must hold at least 3, got 2",
        ),
        (preference, lambda d: d["questions"][0].update(picture=3), r"`questions\[0\].picture` must be a te"),
        (meaning, lambda d: d["questions"][2].update(answer="pear"), "must be one of strawberry, banana, pl"),
        (meaning, lambda d: d["questions"].append("x"), r"`questions\[3\]` must be an object, got str"),
    ],
)
def test_what_is_no_survey_is_one_line(stored, tmp_path, kind, change, message):
    with pytest.raises(ValueError, match=message) as raised:
        read_survey(stored(changed(kind(tmp_path), change)))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("text", ["{", "[" * 100_000, "\ud800".encode("utf-16", "surrogatepass")])
def test_what_cannot_be_read(tmp_path, text):
    place = tmp_path / "survey.json"
    place.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ValueError, match="cannot read the survey"):
        read_survey(place)


def test_no_file(tmp_path):
    with pytest.raises(ValueError, match=r"cannot read the survey .*`survey` must be a JSON file"):
        read_survey(tmp_path)
