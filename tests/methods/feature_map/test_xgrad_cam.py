"""XGrad-CAM against its formula, and its closed form in front of a global average."""

import torch
from torch import nn

import pyxai
from tests.methods.feature_map.networks import IMAGES, LAYER, RAW, averaged, dense, inside


def test_formula():
    values, gradient = inside(dense(), IMAGES, 1)
    weights = (values * gradient).sum((2, 3)) / values.sum((2, 3))
    found = pyxai.explain(dense(), IMAGES, "xgrad_cam", 1, **RAW).attribution[:, 0]
    assert torch.allclose(found, torch.einsum("nchw,nc->nhw", values, weights), rtol=1e-10, atol=1e-14)


def test_in_front_of_an_average_it_is_grad_cam():
    options = {"layer": LAYER, **RAW}
    found, other = (
        pyxai.explain(averaged(), IMAGES, name, 2, **options).attribution
        for name in ("xgrad_cam", "grad_cam")
    )
    assert torch.allclose(found, other, rtol=1e-10, atol=1e-15)


def test_a_channel_of_zeros_has_no_weight():
    model = averaged()
    model[2].weight.data[1], model[2].bias.data[1] = 0, -1
    found = pyxai.explain(model, IMAGES, "xgrad_cam", 2)
    assert found.attribution.isfinite().all() and found.attribution.any()
    assert isinstance(model[3], nn.ReLU)
