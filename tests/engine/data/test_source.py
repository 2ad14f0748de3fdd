"""What is left out of a source, and what a store says of it."""

from pathlib import Path

from pyxai.engine.data.limits import Limits
from pyxai.engine.data.source import LeftOut, Source, described


def test_what_is_left_out_is_counted_by_kind_with_the_first_names():
    found = LeftOut()
    assert (str(found), found.as_json()) == ("", {})
    for name in "abcd":
        found.add("hidden", name)
    found.add("a pipe", "e.jpg")
    assert str(found) == "4 hidden (a, b, c, …), 1 a pipe (e.jpg)"
    assert described(found.as_json()) == str(found)


def test_a_store_says_how_a_source_is_opened_again():
    assert Source(Path("x")).described({}) == {"kind": "", "path": "x"}
    wanted = {"kind": "", "path": "x", "limits": {"pixels": 9, "unpacked": 2**28}, "left_out": {"hidden": {}}}
    assert Source(Path("x"), Limits(pixels=9)).described({"hidden": {}}) == wanted
