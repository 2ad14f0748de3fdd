"""Grad-CAM against its formula, and its closed form in front of a global average."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import pyxai
from tests import unfriendly
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


@pytest.mark.parametrize(
    ("model", "images", "layer"),
    [(dense(), IMAGES, LAYER), (unfriendly.build("SoftmaxAttention"), unfriendly.images(3), "qkv")],
    ids=["maps", "tokens"],
)
def test_values_of_units_have_the_map_as_their_sum(model, images, layer):
    run = pyxai.Explainer(model, "grad_cam", layer=layer, **RAW)
    units, maps = run.unit_values(images, [0, 1, 2]), run(images, [0, 1, 2]).attribution
    assert units.axes == (("channel", "y", "x") if layer == LAYER else ("token", "channel"))
    summed = units.attribution.sum(1 + units.axes.index("channel"))
    assert torch.allclose(summed.flatten(1), maps.flatten(1), rtol=1e-10, atol=1e-15)
