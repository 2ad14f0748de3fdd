"""Guided Grad-CAM is the product of its two parts."""

import torch

import pyxai
from tests.methods.feature_map.networks import IMAGES, averaged


def test_it_is_guided_backpropagation_times_grad_cam():
    model, targets = averaged(), [[0, 2]] * 3
    guided = pyxai.explain(model, IMAGES, "guided_backprop", targets)
    where = pyxai.explain(model, IMAGES, "grad_cam", targets, layer="1")
    found = pyxai.explain(model, IMAGES, "guided_grad_cam", targets, layer="1")
    assert found.attribution.shape == (3, 2, 3, 12, 16) and found.attribution.any()
    assert torch.equal(found.attribution, guided.attribution * where.attribution)
    assert torch.equal(found.target, where.target) and found.evaluations.tolist() == [2, 2, 2]
