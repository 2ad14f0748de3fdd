"""Options read off a dataclass."""

from dataclasses import dataclass
from typing import Literal

import pytest

from pyxai.methods.options import check_choices, check_names, options_of


@dataclass(frozen=True)
class Base:
    """What is shared.

    Attributes:
        seed, draw: of the noise,
            on two lines.
    """

    seed: int = 0
    draw: int = 1


@dataclass(frozen=True)
class Some(Base):
    """A method.

    Attributes:
        rule: how.
        start: where from.

    Nothing more.
    """

    rule: Literal["left", "right"] = "left"
    start: float | tuple | Literal["black"] | None = None
    flag: bool = False
    name: str | int = "x"
    place: tuple | None = None


OPTIONS = options_of(Some)


def test_what_is_known_of_an_option():
    assert list(OPTIONS) == ["seed", "draw", "rule", "start", "flag", "name", "place"]
    assert OPTIONS["rule"].choices == ("left", "right") and OPTIONS["rule"].default == "left"
    assert OPTIONS["rule"].kind == "'left' | 'right'"
    assert OPTIONS["start"].kind == "float | tuple | 'black' | None"
    assert OPTIONS["start"].choices == ("black",)
    assert OPTIONS["seed"].doc == OPTIONS["draw"].doc == "of the noise, on two lines."
    assert OPTIONS["start"].doc == "where from." and OPTIONS["flag"].doc == ""


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("seed", "3", 3),
        ("rule", "right", "right"),
        ("start", "0.5", 0.5),
        ("start", "0.5,1,2", (0.5, 1.0, 2.0)),
        ("start", "0.5,", (0.5,)),
        ("place", "3", (3.0,)),
        ("place", "3,", (3.0,)),
        ("place", "3,4,4", (3.0, 4.0, 4.0)),
        ("start", "black", "black"),
        ("start", "None", None),
        ("flag", "TRUE", True),
        ("name", "3", 3),
        ("name", "three", "three"),
    ],
)
def test_text(name, text, value):
    found = OPTIONS[name].parse(text)
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("seed", "2.5", "`seed` must be int, got '2.5'"),
        ("rule", "up", "`rule` must be 'left' or 'right', got 'up'"),
        ("start", "white", "`start` must be 'black' or float or tuple, got 'white'"),
        ("flag", "yes", "`flag` must be bool, got 'yes'"),
    ],
)
def test_text_that_is_no_value(name, text, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        OPTIONS[name].parse(text)


def test_choices():
    check_choices(Some(rule="right", start=(1.0, 2.0)))
    check_choices(Some(start=2))
    with pytest.raises(ValueError, match="`rule` must be one of 'left', 'right', got 'up'"):
        check_choices(Some(rule="up"))
    with pytest.raises(ValueError, match="`start` must be one of 'black'"):
        check_choices(Some(start="white"))


def test_names():
    check_names(OPTIONS, ["rule", "seed"])
    message = r"no option `rul` \(did you mean 'rule'\?\); it takes seed, draw, rule, start, flag, name"
    with pytest.raises(ValueError, match=message):
        check_names(OPTIONS, ["rul"])
