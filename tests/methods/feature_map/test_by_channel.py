"""Methods that ask the model once for each channel: how often, how much at a time, and for any model."""

import pytest
import torch
from torch import nn

import pyxai
from pyxai.capture.executor import Executor
from tests.methods.feature_map.networks import IMAGES, dense

METHODS = ("score_cam", "ablation_cam")


@pytest.mark.parametrize("method, more", [("score_cam", 1), ("ablation_cam", 2)])
def test_evaluations(method, more):
    assert pyxai.explain(dense(), IMAGES, method, "top2").evaluations.tolist() == [6 + more] * 3
    both = pyxai.explain(dense(), IMAGES, method, layer="1,3")
    assert both.evaluations.tolist() == [1 + 5 + 6 + 2 * (more - 1)] * 3


@pytest.mark.parametrize("method", METHODS)
def test_never_more_images_at_a_time_than_a_call_has_rows(method, monkeypatch):
    sizes = []

    def counted(original):
        return lambda self, images, *rest: sizes.append(len(images)) or original(self, images, *rest)

    for name in ("scores", "scores_from"):
        monkeypatch.setattr(Executor, name, counted(getattr(Executor, name)))
    pyxai.explain(dense(), IMAGES, method, rows=4)
    assert sizes and max(sizes) <= 4


@pytest.mark.parametrize("method", METHODS)
def test_the_head_needs_no_derivative(method):
    class Rounded(nn.Module):
        def __init__(self):
            super().__init__()
            self.model = dense()

        def forward(self, x):
            return torch.tensor(self.model(x).detach().numpy()).round(decimals=6)

    found = pyxai.Explainer(Rounded(), method, layer="model.3")
    explained = found(IMAGES, 1)
    assert not found.info()["programs"][0]["captured"]
    exact = pyxai.explain(dense(), IMAGES, method, 1, layer="3").attribution
    assert (explained.attribution - exact).abs().max() <= 1e-3 * exact.abs().max()
