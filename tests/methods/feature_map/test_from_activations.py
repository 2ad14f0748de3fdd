"""Maps of a layer's values: one forward pass, no gradient, the same for all classes."""

import pytest
import torch

import pyxai
from tests.methods.feature_map.networks import IMAGES, dense


@pytest.mark.parametrize("method", ["eigen_cam", "fem"])
def test_the_map_is_that_of_all_classes_and_the_scores_are_told(method):
    model = dense()
    found = pyxai.explain(model, IMAGES, method, "top3")
    assert torch.equal(found.attribution[:, 0], found.attribution[:, 2]) and found.attribution.any()
    best = model(IMAGES).topk(3)
    assert torch.equal(found.target, best.indices) and torch.allclose(found.score, best.values)
    assert found.evaluations.tolist() == [1, 1, 1]


@pytest.mark.parametrize("method", ["eigen_cam", "fem"])
def test_a_model_without_a_gradient_will_do(method):
    class Frozen(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = dense()

        def forward(self, x):
            with torch.no_grad():
                return self.model(x).round(decimals=3)

    found = pyxai.explain(Frozen(), IMAGES, method)
    assert torch.allclose(found.attribution, pyxai.explain(dense(), IMAGES, method).attribution)
