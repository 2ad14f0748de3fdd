"""LayerCAM against its formula."""

import torch

import pyxai
from tests.methods.feature_map.networks import IMAGES, dense, inside


def test_formula():
    values, gradient = inside(dense(), IMAGES, 1)
    found = pyxai.explain(dense(), IMAGES, "layer_cam", 1, upsample=False).attribution[:, 0]
    assert torch.allclose(found, (gradient.clamp(min=0) * values).sum(1), rtol=1e-12, atol=1e-15)
