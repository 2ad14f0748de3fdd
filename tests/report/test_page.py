"""The page of a survey: what is in it, what is not, and the order of what it shows."""

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

import pyxai.report
from pyxai.report import read_survey, survey_page
from pyxai.report.page import _hash
from tests.report.conftest import CLASSES, METHODS, meaning, preference

ORDER = Path(pyxai.report.__file__).parent / "templates" / "order.js"


class Page(HTMLParser):
    """The elements of a page, and the texts of its scripts and styles."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.texts, self.open = [], {}, None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.open = (tag, dict(attrs).get("type")) if tag in ("script", "style", "title", "h1") else None

    def handle_endtag(self, tag):
        self.open = None

    def handle_data(self, data):
        if self.open:
            self.texts[self.open] = self.texts.get(self.open, "") + data


def page_of(stored, document):
    text = survey_page(read_survey(stored(document)))
    return text, Page(text)


def test_names_are_text_wherever_they_stand(stored, tmp_path):
    text, page = page_of(stored, preference(tmp_path))
    assert [tag for tag, _ in page.elements].count("script") == 2  # what is told and the page's own
    assert page.texts["title", None] == page.texts["h1", None] == "Clear </script> explanations"
    told = json.loads(page.texts["script", "application/json"])
    assert tuple(one["name"] for one in told["questions"][0]["classes"]) == CLASSES
    assert "<cat>" not in text and "</script> explanations" not in text


def test_nothing_comes_from_elsewhere(stored, tmp_path):
    text, page = page_of(stored, preference(tmp_path))
    assert not re.search(r"https?:|//[a-z]", text.replace("http-equiv", ""))
    for _, attributes in page.elements:
        assert not {"src", "href", "onclick", "onload", "style", "srcset", "action"} & attributes.keys()
    told = json.loads(page.texts["script", "application/json"])
    sources = [told["questions"][0]["picture"], *told["questions"][0]["explanations"][0][0]]
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    (policy,) = (a["content"] for tag, a in page.elements if a.get("http-equiv"))
    assert policy.startswith("default-src 'none'; img-src data:;")
    for name in ("script", "style"):
        assert f"{name}-src '{_hash(page.texts[name, None])}'" in policy


def test_what_would_give_the_answer_away_is_not_there(stored, tmp_path):
    text, _ = page_of(stored, preference(tmp_path))
    assert not any(re.search(rf"\b{re.escape(name)}\b", text) for name in METHODS[:2])
    _, page = page_of(stored, meaning(tmp_path))
    told = json.loads(page.texts["script", "application/json"])
    assert [set(question) for question in told["questions"]] == [{"id", "picture", "classes"}] * 3


def test_it_can_be_used_by_keyboard_and_reader(stored, tmp_path):
    _, page = page_of(stored, meaning(tmp_path))
    labelled = {attributes.get("for") for tag, attributes in page.elements if tag == "label"}
    assert {a["id"] for tag, a in page.elements if tag == "input"} <= labelled
    assert ("html", {"lang": "en"}) in page.elements
    style = page.texts["style", None]
    assert ":focus-visible" in style and "prefers-color-scheme: dark" in style


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_each_participant_has_an_order_and_orders_are_as_likely():
    def run(script):
        done = subprocess.run(
            ["node", "-e", ORDER.read_text() + script], capture_output=True, text=True, check=True
        )
        return json.loads(done.stdout)

    every = "Array.from({length: 6000}, (_, n) => ordered(3, `q1 person-${n}`).join(''))"
    many = run(f"console.log(JSON.stringify({every}))")
    counts = {order: many.count(order) for order in set(many)}
    assert len(counts) == 6 and all(850 < count < 1150 for count in counts.values()), counts
    again = run("console.log(JSON.stringify([ordered(15, 'q1 ann'), ordered(15, 'q1 ann')]))")
    assert again[0] == again[1] and sorted(again[0]) == list(range(15)) and again[0] != list(range(15))


def test_a_missing_picture_is_one_line(stored, tmp_path):
    document = meaning(tmp_path)
    (tmp_path / "q1.png").unlink()
    with pytest.raises(ValueError, match=r"cannot read the picture .*q1\.png"):
        survey_page(read_survey(stored(document)))
