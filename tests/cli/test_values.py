"""Values of command line options."""

import pytest
import typer

from pyxai.cli import values
from pyxai.dxai.losses import OBJECTIVES, Objective
from pyxai.engine import InputError


@pytest.mark.parametrize(
    ("parse", "text", "wanted"),
    [
        (values.integer_or_auto, "auto", None),
        (values.integer_or_auto, "12", 12),
        (values.numbers, "0.5,0.4, 1", (0.5, 0.4, 1.0)),
        (values.numbers, "0.5 2", (0.5, 2.0)),
        (values.seconds, "0.5", 0.5),
        (values.seconds, "1e30", 1e30),
        (values.shard, "1/4", (1, 4)),
        (values.output, "0", 0),
        (values.output, "-1", -1),
        (values.output, "1.logits", "1.logits"),
    ],
)
def test_text_that_is_a_value(parse, text, wanted):
    assert parse(text) == wanted


@pytest.mark.parametrize(
    ("parse", "text", "message"),
    [
        (values.integer_or_auto, "many", "'many' is neither auto nor a whole number"),
        (values.numbers, "a,b", "'a,b' is not a list of numbers"),
        *(
            (values.seconds, text, "no positive number of seconds")
            for text in ("0", "-1", "nan", "inf", "1m")
        ),
        (values.shard, "one", "'one' is not of the form i/n"),
        (values.shard, "1/2/3", "not of the form i/n"),
    ],
)
def test_text_that_is_none(parse, text, message):
    with pytest.raises(typer.BadParameter, match=message):
        parse(text)


def test_targets_are_names_first():
    names = {0: "3", 3: "cat", 5: "predicted"}
    for text, wanted in (("predicted", None), ("-3", "-3"), ("0,20", "0,20"), ("top5", "top5")):
        assert values.target(text, {}) == wanted
    for text, wanted in (("3", "3"), ("predicted", "predicted"), ("cat", "cat")):
        assert values.target(text, names) == wanted


@pytest.mark.parametrize(
    ("index", "wanted"),
    [("5", [5]), ("3,8,5", [3, 8, 5]), ("2:4", [2, 3]), (":2", [0, 1]), ("7:99", [7, 8, 9])],
)
def test_rows(index, wanted):
    assert values.rows(index, 10) == wanted


def test_rows_that_are_none():
    with pytest.raises(InputError, match="--index must be like 5, 0:16 or 3,8,20, got '1:2:3:4'"):
        values.rows("1:2:3:4", 10)
    with pytest.raises(InputError, match="--index 10 is not in the run, which has rows 0 to 9"):
        values.rows("3,10", 10)


def test_options_of_a_method():
    wanted = {"samples": 3, "of_options": {"reduce": "mean"}, "of": "saliency"}
    given = ["samples=3", "of=saliency", "of.reduce=mean"]
    assert values.method_options("smoothgrad", given) == wanted
    assert values.method_options("gradient", None) == {}
    with pytest.raises(InputError, match=r"^gradient: no option `steps`; it takes none$"):
        values.method_options("gradient", ["steps=3"])


def test_the_objective_of_a_training():
    assert values.objective("code", None) == OBJECTIVES["code"]
    changes = ["zero_distinction=false", "distinct_reconstruction=0", "correlation=identity"]
    wanted = Objective(zero_distinction=False, distinct_reconstruction=0.0, correlation="identity")
    assert values.objective("paper", changes) == wanted


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("best", [], "`objective` must be one of 'paper', 'code', got 'best'"),
        ("paper", ["rate=1"], "no option `rate`.*; it takes adversarial, "),
        ("paper", ["mask"], "options are written name=value, got 'mask'"),
        ("paper", ["adversarial=x"], "`adversarial` must be float, got 'x'"),
        ("paper", ["zero_distinction=0"], "`zero_distinction` must be bool, got '0'"),
        ("paper", ["mask=x"], "`mask` must be one of"),
    ],
)
def test_objectives_that_are_none(name, changes, message):
    with pytest.raises(InputError, match=f"^dxai: {message}"):
        values.objective(name, changes)
