"""``pyxai survey-scores``."""

import json
from pathlib import Path

from pyxai.report import read_survey
from tests.report.conftest import meaning


def answered(tmp_path, *people):
    """The survey's file and a file of right answers of each of these."""
    Path("asked.json").write_text(json.dumps(meaning(tmp_path)))
    key = read_survey("asked.json").key
    for who in people:
        rows = [f"{key},{who},q{number},{number + 1}" for number in range(3)]
        Path(f"{who}.csv").write_text("\n".join(["survey,participant,question,choice", *rows]))
    return ["asked.json", *(f"{who}.csv" for who in people)]


def test_a_table_of_methods(pyxai, tmp_path):
    code, out, err = pyxai("survey-scores", *answered(tmp_path, "ann", "bob"))
    assert (code, err) == (0, "")
    assert out.startswith("meaning: 3 questions, 2 participants\n")
    rows = [line.split() for line in out.splitlines() if "pyramid" in line or "lrp" in line]
    assert rows == [
        ["pyramid", "1.000", "1.000", "to", "1.000", "4", "of", "4"],
        ["lrp", "1.000", "1.000", "to", "1.000", "2", "of", "2"],
    ]
    assert "one participant" in pyxai("survey-scores", "asked.json", "ann.csv")[1]


def test_what_is_wrong_is_one_line(pyxai, tmp_path):
    files = answered(tmp_path, "ann")
    code, _, err = pyxai("survey-scores", *files, "ann.csv")
    assert code == 2 and len(err.splitlines()) == 1 and "must answer what is not answered yet" in err
