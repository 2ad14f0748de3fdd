"""Errors of a run."""

import pytest

from pyxai.engine import InputError, RunError, StrictStop
from pyxai.engine.errors import RowError, one_line, printable, refusals


def test_messages_are_one_line_of_at_most_300_characters():
    assert one_line(ValueError("a\n  b")) == "a b"
    long = one_line(ValueError("x" * 1000))
    assert len(long) == 300 and long.endswith("...")


def test_refusals_of_the_parts_below_are_refusals_of_the_request():
    for error in (ValueError("no\nway"), TypeError("no way")):
        with pytest.raises(InputError, match=r"^no way$") as caught, refusals():
            raise error
        assert caught.value.__cause__ is error
    own = InputError("x" * 1000)
    with pytest.raises(InputError) as caught, refusals():
        raise own
    assert caught.value is own
    with pytest.raises(KeyError), refusals():
        raise KeyError("not a refusal")


def test_a_row_keeps_its_code_and_reason_and_a_strict_stop_is_a_stop():
    error = RowError(3, "too small")
    assert (error.status, error.reason) == (3, "too small")
    assert issubclass(StrictStop, RunError) and not issubclass(RunError, ValueError)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a photograph é 猫.png", "a photograph é 猫.png"),
        ("a\x1b]0;title\x07\x1b[2J", r"a\x1b]0;title\x07\x1b[2J"),
        ("two\nlines\tand\rmore", "two lines and more"),
        ("gpj.\u202egnp", r"gpj.\u202egnp"),
        ("zero\u200bwidth \u2066 \ufeff", r"zero\u200bwidth \u2066 \ufeff"),
        ("no text \udcff", r"no text \udcff"),
        ("\x9b31m", r"\x9b31m"),
    ],
)
def test_what_is_no_visible_character_is_written_as_its_code(text, wanted):
    assert printable(text) == wanted
    for error in (InputError, RunError, StrictStop):
        assert str(error(text)) == wanted
        assert error(text).args == (text,)  # what was said stays
