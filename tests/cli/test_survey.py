"""``pyxai survey``."""

import json
from pathlib import Path

from tests.report.conftest import meaning


def test_a_page_is_written(pyxai, tmp_path):
    Path("asked.json").write_text(json.dumps(meaning(tmp_path)))
    assert pyxai("survey", "asked.json") == (0, "survey.html\n", "")
    assert "<title>What is it?</title>" in Path("survey.html").read_text()
    assert pyxai("survey", "asked.json", "--out", "page.html")[1] == "page.html\n"


def test_what_is_wrong_is_one_line(pyxai, tmp_path):
    Path("asked.json").write_text(json.dumps(meaning(tmp_path) | {"kind": "taste"}))
    code, _, err = pyxai("survey", "asked.json")
    assert code == 2 and err.startswith("pyxai: `kind` must be one of") and len(err.splitlines()) == 1
    Path("asked.json").write_text(json.dumps(meaning(tmp_path)))
    code, _, err = pyxai("survey", "asked.json", "--out", "nowhere/page.html")
    assert (code, err) == (2, "pyxai: cannot write nowhere/page.html: No such file or directory\n")
