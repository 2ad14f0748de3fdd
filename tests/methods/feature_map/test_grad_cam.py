"""Grad-CAM against its formula, and its closed form in front of a global average."""

import torch
import torch.nn.functional as F
from torch import nn

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


def test_of_volumes_in_front_of_an_average_it_is_the_class_weights_by_the_number_of_places():
    with torch.random.fork_rng():
        torch.manual_seed(1)
        layers = nn.Conv3d(2, 6, 3), nn.Softplus(), nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(6, 3)
        model, volumes = nn.Sequential(*layers).double().eval(), torch.rand(2, 2, 5, 6, 8).double()
    values = model[:2](volumes).detach()
    weights = model[-1].weight[2].detach() / (3 * 4 * 6)
    expected = torch.einsum("ncthw,c->nthw", values, weights)
    found = pyxai.explain(model, volumes, "grad_cam", 2, **RAW)
    assert torch.allclose(found.attribution[:, 0], expected, rtol=1e-12, atol=1e-15)
    large = pyxai.explain(model, volumes, "grad_cam", 2, relu=False).attribution
    wanted = F.interpolate(expected[:, None], (5, 6, 8), mode="trilinear", align_corners=False)
    assert torch.allclose(large, wanted, rtol=1e-12, atol=1e-15)
    score = model(volumes)[:, 2] - model[-1].bias[2]
    assert torch.allclose(found.attribution.flatten(1).sum(1), score, rtol=1e-12)
