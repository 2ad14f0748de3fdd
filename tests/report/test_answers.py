"""Files of answers: every row counts, or is an error that says which."""

import pytest

from pyxai.report import Answer, read_answers, read_survey
from tests.report.conftest import meaning, preference


@pytest.fixture
def survey(stored, tmp_path):
    return read_survey(stored(preference(tmp_path)))


def written(folder, survey, *rows, head="survey,participant,question,first,second,third", name="a.csv"):
    """A file of answers; in each row ``KEY`` stands for the survey's."""
    place = folder / name
    place.write_text("\r\n".join([head, *rows, ""]).replace("KEY", survey.key))
    return place


RIGHT = ('"KEY","ann","image 0","2","1","4"', "KEY,ann,image 1,4,3,2")


def test_answers_are_read(survey, tmp_path):
    files = [
        written(tmp_path, survey, RIGHT[1]),
        written(tmp_path, survey, RIGHT[0], name="b.csv"),
        written(tmp_path, survey, *(row.replace("ann", "b-2") for row in RIGHT), name="c.csv"),
    ]
    files[0].write_bytes(b"\xef\xbb\xbf" + files[0].read_bytes())  # as spreadsheets write it
    assert read_answers(survey, files) == [
        Answer("ann", 1, (3, 2, 1)),
        Answer("ann", 0, (1, 0, 3)),
        Answer("b-2", 0, (1, 0, 3)),
        Answer("b-2", 1, (3, 2, 1)),
    ]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ((), "`answers` must hold at least one row, got none"),
        (RIGHT[:1], "must have an answer of 'ann' to every question, got none to 'image 1'"),
        (
            (*RIGHT, RIGHT[0]),
            r"line 4` must answer what is not answered yet, got answers to 'image 0' of 'ann'",
        ),
        (("KEY,ann,image 0,2,1",), r"a.csv, line 2` must have 6 entries, got 5"),
        (("0,ann,image 0,2,1,3",), "must belong to the survey [0-9a-f]{16}, got '0'"),
        (("KEY,=1+1,image 0,2,1,3",), "letters, digits, - and _ as participant, got '=1\\+1'"),
        (("KEY,ann,image 9,2,1,3",), "must name a question of the survey, got 'image 9'"),
        (("KEY,ann,image 0,2,1,5",), "must choose numbers from 1 to 4, got '5'"),
        (("KEY,ann,image 0,2,1,",), "must choose numbers from 1 to 4, got ''"),
        (("KEY,ann,image 0,2,1,٣",), "must choose numbers from 1 to 4, got '٣'"),
        (("KEY,ann,image 0,2,1,2",), "must choose nothing twice, got 2, 1, 2"),
        (('KEY,ann,"image 0,2,1,2',), "cannot read the answers"),
    ],
)
def test_what_is_wrong_is_one_line(survey, tmp_path, rows, message):
    with pytest.raises(ValueError, match=message) as raised:
        read_answers(survey, [written(tmp_path, survey, *rows)])
    assert "\n" not in str(raised.value)


def test_files_that_are_none(survey, tmp_path):
    other = written(tmp_path, survey, *RIGHT, head="survey,participant,question,choice")
    with pytest.raises(ValueError, match="must begin with survey,participant,question,first,second,third"):
        read_answers(survey, [other])
    with pytest.raises(ValueError, match=r"cannot read the answers .*nowhere\.csv"):
        read_answers(survey, [tmp_path / "nowhere.csv"])
    empty = tmp_path / "empty.csv"
    empty.touch()
    with pytest.raises(ValueError, match="got an empty file"):
        read_answers(survey, [empty])


def test_answers_of_meaning(stored, tmp_path):
    survey = read_survey(stored(meaning(tmp_path)))
    head = "survey,participant,question,choice"
    rows = [f"KEY,ann,q{number},{3 - number}" for number in range(3)]
    found = read_answers(survey, [written(tmp_path, survey, *rows, head=head)])
    assert found == [Answer("ann", number, (2 - number,)) for number in range(3)]
