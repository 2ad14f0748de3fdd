"""HiResCAM against its formula, and the score it adds up to before a linear layer."""

import torch
from torch import nn

import pyxai
from tests.methods.feature_map.networks import IMAGES, RAW, dense, inside


def test_formula():
    values, gradient = inside(dense(), IMAGES, 1)
    found = pyxai.explain(dense(), IMAGES, "hires_cam", 1, upsample=False).attribution[:, 0]
    assert torch.allclose(found, (gradient * values).sum(1), rtol=1e-12, atol=1e-15) and (found < 0).any()


def test_the_map_and_the_bias_are_the_score_before_a_linear_layer():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(6 * 140, 4)).double().eval()
    found = pyxai.explain(model, IMAGES, "hires_cam", 2, **RAW)
    assert torch.allclose(found.attribution.sum((1, 2, 3)) + model[-1].bias[2], found.score, rtol=1e-12)
