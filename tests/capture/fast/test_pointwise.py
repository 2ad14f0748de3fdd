"""Linear layers over tokens as convolutions: the same numbers, where this machine is faster with them."""

import json

import pytest
import torch
import torch.nn.functional as F

from pyxai.capture.classifier import Classifier
from pyxai.capture.fast import pointwise
from pyxai.capture.program import capture
from tests import zoo
from tests.graphs import Written, distance, pixels, targets

aten = torch.ops.aten


@pytest.fixture
def fresh(monkeypatch, tmp_path):
    """An empty cache folder, and no choice made yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    pointwise.convolution_is_faster.cache_clear()
    yield tmp_path
    pointwise.convolution_is_faster.cache_clear()


@pytest.mark.parametrize("shape", [(2, 16, 6), (3, 2, 5, 6), (4, 6)])
@pytest.mark.parametrize("bias", [None, pixels(7, seed=3)])
def test_equals_linear(shape, bias):
    values, weight = pixels(*shape), pixels(7, 6, seed=2)
    found = pointwise.pointwise_linear(values, weight[:, :, None, None], bias)
    assert distance(found, F.linear(values, weight, bias)) <= 1e-13


@pytest.mark.parametrize(
    "shape, kind, replaced",
    [
        ((2, 16, 6), torch.float32, True),
        ((2, 15, 6), torch.float32, False),
        ((20, 6), torch.float32, False),
        ((2, 16, 6), torch.float64, False),
    ],
)
def test_only_layers_over_many_tokens_in_float32(monkeypatch, shape, kind, replaced):
    monkeypatch.setattr(pointwise, "convolution_is_faster", lambda: True)
    net = Written(pixels(*shape, dtype=kind))
    weight, bias = net.tensor(pixels(7, 6, dtype=kind)), net.tensor(pixels(7, dtype=kind))
    module = net.module(net.call(aten.linear.default, net.images, weight, bias))
    expected = module(net.images.meta["val"])
    pointwise.pointwise_linears(module)
    module.recompile()
    assert pointwise.uses_convolutions(module) is replaced
    assert targets(module) == [pointwise.pointwise_linear if replaced else aten.linear.default]
    assert distance(module(net.images.meta["val"]), expected) <= 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("faster", [True, False])
def test_token_linears_follow_the_measured_choice(monkeypatch, tmp_path, faster):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(pointwise, "_measure", lambda: 0.5 if faster else 1.0)
    pointwise.convolution_is_faster.cache_clear()
    try:
        ((_, model, images),) = zoo.models(["vit_b16"], small=True)
        program = capture(Classifier(model), images)
        assert (pointwise.pointwise_linear in targets(program.differentiated)) is faster
        (kept,) = tmp_path.glob("pyxai/linear-*.json")
        assert json.loads(kept.read_text())["convolution"] is faster
        with torch.no_grad():
            ours, theirs = program.differentiated(images), model(images)
        assert float((ours - theirs).abs().max() / theirs.abs().max()) <= 1e-4
    finally:
        pointwise.convolution_is_faster.cache_clear()


def test_the_measurement_is_a_ratio_and_its_file_is_believed(monkeypatch, tmp_path):
    assert 0.05 < pointwise._measure(rounds=2) < 20
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    path = pointwise._choice_file()
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"convolution": True}))
    pointwise.convolution_is_faster.cache_clear()
    monkeypatch.setattr(pointwise, "_measure", lambda: pytest.fail("measured although the choice is kept"))
    assert pointwise.convolution_is_faster() is True
    pointwise.convolution_is_faster.cache_clear()
