"""So many images fail that it is not the images."""

import pytest

from pyxai.engine import InputError, RunError
from pyxai.engine.runner.failures import Failures


def stopped_at(most: str, failed: str) -> int | None:
    """The image, from 1, at which a run stops; ``failed`` has an x for each that fails."""
    failures = Failures(most)
    for number, sign in enumerate(failed, 1):
        if sign == "x":
            failures.add(f"{number}.png", "cut")
        failures.tried(1)
        try:
            failures.check()
        except RunError:
            return number
    return None


@pytest.mark.parametrize(
    ("most", "failed", "place"),
    [
        ("0", ".x", 2),
        ("1", "x.x", 3),
        ("2", "x.x", None),
        ("90%", "x" * 100, 64),
        ("90%", ("x" * 8 + "..") * 10, None),
        ("50%", "." * 50 + "x" * 51, 101),
        ("2.5%", "." * 98 + "xxx", 101),
        ("0%", "x" * 64, 64),
        ("100%", "x" * 200, None),
    ],
)
def test_a_number_or_a_share_from_the_64th_on(most, failed, place):
    assert stopped_at(most, failed) == place


def test_the_error_says_how_many_and_names_the_last():
    failures = Failures("1")
    for name in ("a.png", "b.png"):
        failures.add(name, "not a picture")
    failures.tried(3)
    said = "^2 of 3 images failed, more than --max-failed 1 allows, the last one by "
    with pytest.raises(RunError, match=said + r"b\.png: not a picture; .*--retry-failed$"):
        failures.check()
    assert failures.count == 2


@pytest.mark.parametrize("most", ["", "-1", "%", "101%", "1.5", "nan", "1e3", "half", "5 %", "\u0665"])
def test_anything_else_is_refused(most):
    with pytest.raises(InputError, match="--max-failed must be a number or a share, as in 10 or 5%, got "):
        Failures(most)
