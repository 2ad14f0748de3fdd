"""Grad-CAM against its formula, and its closed form in front of a global average."""

import torch

import pyxai
from tests.methods.feature_map.networks import IMAGES, LAYER, RAW, averaged, dense, inside


def test_formula():
    values, gradient = inside(dense(), IMAGES, [0, 1, 2])
    expected = torch.einsum("nchw,nc->nhw", values, gradient.mean((2, 3))).clamp(min=0)
    found = pyxai.explain(dense(), IMAGES, "grad_cam", [0, 1, 2], upsample=False).attribution[:, 0]
    assert torch.allclose(found, expected, rtol=1e-12, atol=1e-15)


def test_in_front_of_an_average_the_weights_are_those_of_the_class_by_the_number_of_places():
    model = averaged()
    values, _ = inside(model, IMAGES, 2)
    weights = model[-1].weight[2].detach() / (12 * 16)
    found = pyxai.explain(model, IMAGES, "grad_cam", 2, layer=LAYER, **RAW).attribution[:, 0]
    assert torch.allclose(found, torch.einsum("nchw,c->nhw", values, weights), rtol=1e-12, atol=1e-15)
