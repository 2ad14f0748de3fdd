"""The checks, the one form of their messages, and what is read off annotations."""

from typing import Literal

import pytest
import torch

from pyxai import checks


@pytest.mark.parametrize(
    "check, error, message",
    [
        (lambda: checks.expect_images(3), TypeError, "`images` must be a torch.Tensor, got int"),
        (
            lambda: checks.expect_images(torch.zeros(3, 4, 4)),
            ValueError,
            "`images` must have shape (N, C, H, W), got (3, 4, 4)",
        ),
        (
            lambda: checks.expect_images(torch.zeros(1, 3, 0, 4)),
            ValueError,
            "`images` must have at least one channel and one pixel, got (1, 3, 0, 4)",
        ),
        (lambda: checks.whole("n", True), ValueError, "`n` must be a whole number, got True"),
        (lambda: checks.whole("n", 0, 1), ValueError, "`n` must be a positive whole number, got 0"),
        (lambda: checks.whole("n", 1, 2), ValueError, "`n` must be a whole number of at least 2, got 1"),
        (
            lambda: checks.non_negative("x", -1),
            ValueError,
            "`x` must be a number that is not negative, got -1",
        ),
        (
            lambda: checks.non_negative("x", float("nan")),
            ValueError,
            "`x` must be a number that is not negative",
        ),
        (lambda: checks.positive("x", 0), ValueError, "`x` must be a positive number, got 0"),
        (lambda: checks.positive("x", float("inf")), ValueError, "`x` must be a positive number, got inf"),
        (lambda: checks.one_of("x", "c", ("a", "b")), ValueError, "`x` must be one of 'a', 'b', got 'c'"),
    ],
)
def test_messages(check, error, message):
    with pytest.raises(error) as caught:
        check()
    assert str(caught.value).startswith(message)


def test_what_fits_passes():
    checks.expect_images(torch.zeros(0, 3, 4, 4))
    checks.whole("n", 1, 1)
    checks.non_negative("x", 0)
    checks.positive("x", 0.5)
    checks.one_of("x", "a", ("a", "b"))


class _Own(ValueError):
    """An error of somebody else's."""


def test_a_name_goes_before_a_message_once():
    for inner in ("`x` must be y", "lrp: `x` must be y"):
        with pytest.raises(ValueError, match=r"^lrp: `x` must be y$"), checks.naming("lrp"):
            raise ValueError(inner)
    with pytest.raises(_Own, match=r"^as it is$"), checks.naming("lrp"):
        raise _Own("as it is")


@pytest.mark.parametrize("value", ["", 4, None, ("conv",)])
def test_what_names_no_module(value):
    with pytest.raises(ValueError, match=r"^`layer` must be the name of a module, got "):
        checks.module_name("layer", value)
    checks.module_name("layer", "conv")


def test_near_names():
    assert checks.near("salency", ["saliency", "lrp"]) == " (did you mean 'saliency'?)"
    assert checks.near("zzz", ["saliency", "lrp"]) == ""


@pytest.mark.parametrize(
    "error, words",
    [
        (KeyError("no"), "KeyError: 'no'"),
        (RuntimeError("\n  one\ntwo"), "RuntimeError: one"),
        (ZeroDivisionError(), "ZeroDivisionError"),
        (ValueError("x" * 999), "ValueError: " + "x" * 288),
    ],
)
def test_an_error_fits_a_line(error, words):
    assert checks.brief(error) == words


def test_choices_are_read_off_annotations():
    def function(a: Literal["x", "y"] = "x", b: int | Literal["z"] | None = None, c: float = 0.0): ...

    assert checks.literal_choices(function) == {"a": ("x", "y"), "b": ("z",)}
    assert checks.choices_of(float) == ()
