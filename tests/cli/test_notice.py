"""What a run does, as another process reads it."""

import time

import pytest

from pyxai.cli.notice import Noted, Notice
from pyxai.engine.runner.progress import Progress


def test_the_last_that_was_written_is_read():
    notice = Notice()
    assert notice.read()[::2] == ("starting", False)
    for number in range(5):
        before = time.monotonic()
        notice.write(f"explaining row {number}, ä.png", limited=number % 2 == 0)
        step = notice.read()
        assert (step.what, step.limited) == (f"explaining row {number}, ä.png", number % 2 == 0)
        assert before <= step.since <= time.monotonic()


def test_what_is_half_written_is_not_read():
    """A process may die at any moment, so that the half that is read is never the one that is written to."""
    notice = Notice()
    notice.write("first", limited=True)
    memory, written = notice._memory, []

    class Dying:
        def __getitem__(self, key):
            return memory[key]

        def __setitem__(self, key, value):
            if isinstance(key, int):
                raise KeyboardInterrupt
            memory[key] = value
            written.append(value)

    notice._memory = Dying()
    with pytest.raises(KeyboardInterrupt):
        notice.write("second", limited=True)
    assert written and notice.read().what == "first"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("a\x1b[2J\n.png", "a\\x1b[2J .png"), ("\udcff.png", "\\udcff.png"), ("ä" * 2**15, "ä" * (2**13 - 6))],
)
def test_any_name_can_be_written(text, wanted):
    notice = Notice()
    notice.write(text, limited=True)
    assert notice.read().what == wanted
    notice.write("x", limited=True)
    assert notice.read().what == "x"


def test_it_is_read_when_the_process_that_wrote_it_has_died(run_python):
    program = """
import os
from pyxai.cli.notice import Notice
notice = Notice()
child = os.fork()
if child == 0:
    notice.write("explaining row 7, x.png", limited=True)
    notice.conclude()
    os.abort()
os.waitpid(child, 0)
print(notice.concluded, *notice.read()[::2])
"""
    assert run_python(program) == "True ending False\n"


def test_rows_are_limited_and_all_is_handed_on():
    heard = []

    class Heard(Progress):
        def begin(self, *numbers):
            heard.append(("begin", *numbers))

        def doing(self, what, limited=True):
            heard.append(what)

        def advance(self, *numbers):
            heard.append(("advance", *numbers))

        def end(self):
            heard.append("end")

    notice = Notice()
    noted = Noted(notice, Heard())
    noted.begin(10, 2)
    noted.doing("loading", limited=False)
    assert notice.read()[::2] == ("loading", False)
    noted.doing("explaining")
    noted.advance(8, 1)
    assert notice.read()[::2] == ("explaining", True)
    noted.end()
    assert notice.read()[::2] == ("explaining", False)
    assert not notice.concluded
    assert heard == [("begin", 10, 2), "loading", "explaining", ("advance", 8, 1), "end"]
