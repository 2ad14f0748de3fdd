"""`pyxai.bench`: the clock, the statistics, and the comparison a user sees."""

from __future__ import annotations

import time
from dataclasses import asdict

import torch

from pyxai import bench


def test_interleave_runs_in_turn_and_drops_the_warm_up():
    calls = []
    seconds = bench.interleave({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, 3, warmup=2)
    assert calls == ["a", "b"] * 5
    assert {name: len(values) for name, values in seconds.items()} == {"a": 3, "b": 3}


def test_interleave_times_what_runs():
    seconds = bench.interleave({"short": lambda: time.sleep(0.002), "long": lambda: time.sleep(0.02)}, 3)
    assert min(seconds["short"]) >= 0.002
    assert min(seconds["long"]) >= 0.02
    assert bench.paired_ratio(seconds, "long", "short").median > 2


def test_ratio_is_paired_round_by_round():
    """A machine that is twice as slow in one round changes no paired ratio."""
    ratio = bench.paired_ratio({"a": [1.0, 2.0, 1.0], "b": [2.0, 4.0, 2.0]}, "a", "b")
    assert asdict(ratio) == {"median": 0.5, "low": 0.5, "high": 0.5, "minimum": 0.5, "maximum": 0.5}
    assert bench.spread([4.0, 1.0, 2.0, 3.0]) == bench.Spread(2.5, 1.75, 3.25, 1.0, 4.0)
    assert bench.spread([3.0]) == bench.Spread(3.0, 3.0, 3.0, 3.0, 3.0)


def test_fastest_rows_finds_the_fastest():
    assert bench.fastest_rows(lambda rows: time.sleep(0.02 if rows != 4 else 0), (1, 4, 16)) == 4


def test_floor_is_the_input_gradient_whatever_the_chunks():
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 4)).double()
    images, target = torch.rand(5, 3, 2, 2, dtype=torch.float64), torch.tensor([0, 3, 1, 2, 0])
    expected = model[1].weight[target].view(5, 3, 2, 2)
    torch.testing.assert_close(bench.floor(model, images, target), expected)
    torch.testing.assert_close(bench.floor(model, images, target, rows=2), expected)
    assert all(parameter.grad is None for parameter in model.parameters())
