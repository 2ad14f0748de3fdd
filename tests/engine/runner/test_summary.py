"""What came of a run, and of its parts together."""

from pathlib import Path

from pyxai.engine.runner.summary import Summary, together


def test_summaries_of_parts_add_up():
    first = Summary(Path("a"), 10, 9, 1, 8, 2.0, {"model": 1.0}, 0.1, 0.2, 4.0)
    assert together(Path("run"), [first]) is first
    second = Summary(Path("b"), 5, 5, 0, 5, 0.5, {"model": 0.5, "listing": 0.25}, zero_maps=2)
    whole = together(Path("run"), [first, second])
    assert (whole.store, whole.images, whole.done, whole.failed, whole.rows) == (Path("run"), 15, 14, 1, 13)
    assert (whole.startup, whole.residual_median) == ({"model": 1.5, "listing": 0.25}, None)
    assert (whole.images_per_second, whole.zero_maps) == (13 / 2.5, 2)
    assert Summary(Path("a")).images_per_second == 0
