"""Errors of a run."""

import pytest

from pyxai.engine import InputError, RunError, StrictStop
from pyxai.engine.errors import RowError, one_line, refusals


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
