"""What a run says while it works and when it is done."""

import io

import pytest

from pyxai.engine.runner import progress
from pyxai.engine.runner.progress import Bar, Lines, Progress, one_progress


class Heard(Progress):
    def __init__(self):
        self.said = []

    def begin(self, total, done):
        self.said.append(("begin", total, done))

    def doing(self, what, limited=True):
        self.said.append(what)

    def advance(self, rows, failed):
        self.said.append(("advance", rows, failed))

    def end(self):
        self.said.append("end")


def test_a_run_in_one_part_is_heard_as_it_is():
    heard = Heard()
    with one_progress(heard, 1, 10) as part:
        assert part is heard


def test_a_run_in_parts_is_heard_as_one():
    heard = Heard()
    with one_progress(heard, 2, 10) as part:
        for _ in range(2):
            part.begin(5, 1)
            part.doing("explaining")
            part.advance(4, 2)
            part.end()
    assert heard.said == [("begin", 10, 0), *[("advance", 1, 0), "explaining", ("advance", 4, 2)] * 2, "end"]
    with pytest.raises(KeyError), one_progress(heard, 2, 10):
        raise KeyError
    assert heard.said[-1] == "end"


def test_lines_come_at_most_once_in_a_while_and_say_how_long_it_takes(monkeypatch):
    clock, out = iter([0.0, 1.0, 12.0, 13.0]), io.StringIO()
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    lines = Lines(10.0, out)
    lines.begin(100, 20)
    lines.advance(10, 0)
    lines.advance(10, 3)
    lines.end()
    said = [line.partition(" ")[2] for line in out.getvalue().splitlines()]
    assert said == [
        "100 images, 20 done before",
        "40/100 images, 1.7 images/s, 36 s left, 3 failed",
        "40/100 images, 13.0 s",
    ]


def test_a_bar_begins_where_the_run_does_and_ends(capsys):
    bar = Bar()
    bar.begin(100, 20)
    bar.advance(30, 0)
    bar.end()
    assert "50/100" in capsys.readouterr().err


def test_a_part_that_takes_long_to_begin_divides_nothing_by_zero(monkeypatch):
    clock, out = iter([0.0, 60.0, 61.0, 62.0]), io.StringIO()
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    with one_progress(Lines(10.0, out), 2, 100) as part:
        part.begin(50, 0)
        part.advance(5, 0)
    assert "5/100 images, 0.1 images/s" in out.getvalue()


def test_the_steps_of_the_start_are_told_and_those_of_the_work_are_not(capsys):
    for told in (Bar(), Lines()):
        told.doing("loading the model", limited=False)
        told.doing("explaining row 7")
        err = capsys.readouterr().err
        assert "loading the model" in err and err.count("\n") == 1
    bar = Bar()
    bar.begin(10, 0)
    bar.end()
    capsys.readouterr()
    bar.doing("capturing the model of the next size", limited=False)  # would tear the bar
    assert capsys.readouterr().err == ""
