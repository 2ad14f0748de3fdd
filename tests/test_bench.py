"""`pyxai.bench`: the clock, the statistics, and the comparison a user sees."""

from __future__ import annotations

import importlib.util
import sys
import time
from dataclasses import asdict

import pytest
import torch

import pyxai
from pyxai import bench


def test_interleave_runs_in_turn_and_drops_the_warm_up():
    calls = []
    functions = {"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}
    seconds = bench.interleave(functions, 3, warmup=2, at_least=0)
    assert calls == ["a", "b"] * 5
    assert {name: len(values) for name, values in seconds.items()} == {"a": 3, "b": 3}
    calls.clear()
    bench.interleave(functions, 1, warmup=0, at_least=0, settle=1)
    assert calls == ["a", "a", "b", "b"]


def test_interleave_times_what_runs():
    calls = []
    functions = {"short": lambda: time.sleep(0.002), "long": lambda: calls.append(time.sleep(0.02))}
    seconds = bench.interleave(functions, 3, warmup=0, at_least=0.05)
    assert min(seconds["short"]) >= 0.002
    assert min(seconds["long"]) >= 0.02
    assert 3 < len(calls) <= 9, "three calls of 20 ms fill 50 ms, two of 25"
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


class Tiny(torch.nn.Module):
    """Enough of a classifier to be timed."""

    def __init__(self):
        super().__init__()
        self.conv, self.fc = torch.nn.Conv2d(3, 4, 3), torch.nn.Linear(4, 3)

    def forward(self, x):
        return self.fc(self.conv(x).relu().mean((2, 3)))


IMAGES = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
needs_captum = pytest.mark.skipif(importlib.util.find_spec("captum") is None, reason="needs captum")


@needs_captum
@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("gradient", {}),
        ("input_x_gradient", {}),
        ("integrated_gradients", {"steps": 7}),
        ("integrated_gradients", {"steps": 7, "rule": "riemann_right", "baseline": 0.25}),
        ("integrated_gradients", {"steps": 6, "rule": "gauss_legendre"}),
        ("integrated_gradients", {"steps": 6, "rule": "riemann_left"}),
    ],
)
def test_the_peer_computes_the_same(method, options):
    """What is timed against each other has the same meaning: the maps agree."""
    model, images = Tiny().double().eval(), IMAGES.double()
    explainer = pyxai.Explainer(model, method, **options)
    explanation = explainer(images)
    peer = bench.captum_call(model, explainer.method, images, explanation.target)
    torch.testing.assert_close(explanation.attribution, peer(None).to(images), rtol=1e-6, atol=1e-9)


@needs_captum
def test_smoothgrad_of_the_peer_has_the_same_mean():
    """The noise differs, so the maps agree within their sampling error."""
    model = Tiny().double().eval()
    explainer = pyxai.Explainer(model, "smoothgrad", samples=400)
    images = IMAGES[:1].double()
    explanation = explainer(images)
    peer = bench.captum_call(model, explainer.method, images, explanation.target)(50)
    error = (explanation.attribution - peer).abs() / (explanation.standard_error + 1e-12)
    assert error.median() < 3


@needs_captum
@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("vargrad", {}),
        ("integrated_gradients", {"tolerance": 0.1}),
        ("integrated_gradients", {"steps": 4, "baseline": "blur"}),
        ("integrated_gradients", {"steps": 4, "rule": "trapezoid"}),
        ("smoothgrad", {"of": "saliency"}),
    ],
)
def test_no_peer_of_another_meaning_is_timed(method, options):
    explainer = pyxai.Explainer(Tiny().eval(), method, **options)
    assert bench.captum_call(Tiny(), explainer.method, IMAGES, torch.zeros(2).long()) is None


def test_comparison_of_the_users_model():
    result = bench.run(Tiny().eval(), IMAGES, "integrated_gradients", rounds=2, steps=4)
    assert {"floor", "pyxai"} <= result.seconds.keys()
    assert all(len(values) == 2 for values in result.seconds.values())
    text = result.text()
    assert "integrated_gradients(steps=4) of Tiny on 2x3x8x8, fp32" in text
    assert "floor: 4 forward and backward passes an image" in text


def test_comparison_without_captum_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "captum", None)
    result = bench.run(Tiny().eval(), IMAGES, "saliency", rounds=1)
    assert list(result.seconds) == ["floor", "pyxai"]
    assert "a comparison needs captum: pip install captum" in result.text()
