"""Batches grow as far as the time allows, and results do not wait long."""

import pytest

from pyxai.engine.runner import pace
from pyxai.engine.runner.pace import Pace


@pytest.fixture
def clock(monkeypatch):
    """The time, which goes on where a test says so."""
    now = [100.0]
    monkeypatch.setattr(pace.time, "monotonic", lambda: now[0])
    return now


def batch(sizes: Pace, clock: list[float], seconds: float) -> int:
    """Do a batch that takes so long for each image; returns the number of images of the next."""
    sizes.begin()
    clock[0] += seconds * sizes.size
    sizes.end(sizes.size)
    return sizes.size


def test_a_fast_method_has_full_batches_after_one_image(clock):
    sizes = Pace(64)
    assert sizes.size == 1
    assert batch(sizes, clock, 0.1) == 64
    assert batch(sizes, clock, 0.0) == 64


def test_a_batch_of_a_slow_one_takes_as_long_as_results_may_wait(clock):
    sizes = Pace(64)
    assert [batch(sizes, clock, seconds) for seconds in (2.6, 2.6, 1.01, 30, 0.5)] == [3, 3, 9, 1, 20]


def test_no_batch_is_larger_than_what_is_asked_for(clock):
    assert batch(Pace(1), clock, 0.001) == 1


def test_results_are_stored_every_ten_seconds(clock):
    sizes = Pace(64)
    said = []
    for _ in range(25):
        clock[0] += 1
        said.append(sizes.is_time_to_store())
    assert [second for second, stored in enumerate(said, 1) if stored] == [10, 20]
