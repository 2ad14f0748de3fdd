"""Grad-CAM++ against the authors' code written out, its closed forms, and its scale."""

import pytest
import torch

import pyxai
from tests.methods.feature_map.networks import IMAGES, LAYER, RAW, averaged, dense, inside

Z = 12 * 16


def written_out(values, gradient, score):
    """The authors' steps for one image, with exp(S) and its derivatives."""
    first, second, third = (torch.exp(score) * gradient**power for power in (1, 2, 3))
    below = 2 * second + values.sum((1, 2), keepdim=True) * third
    alpha = second / torch.where(below != 0, below, 1.0)
    weights = first.clamp(min=0)
    alpha = torch.where(weights != 0, alpha, 0.0)
    total = alpha.sum((1, 2), keepdim=True)
    alpha = alpha / torch.where(total != 0, total, 1.0)
    return torch.einsum("chw,c->hw", values, (weights * alpha).sum((1, 2))) / torch.exp(score)


def test_the_paper_form_is_the_authors_code():
    model = dense()
    values, gradient = inside(model, IMAGES, 1)
    scores = model(IMAGES)[:, 1].detach()
    found = pyxai.explain(model, IMAGES, "grad_cam_plus_plus", 1, **RAW).attribution[:, 0]
    for one, expected in zip(found, map(written_out, values, gradient, scores), strict=True):
        assert torch.allclose(one, expected, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("variant", ["paper", "unnormalized"])
def test_in_front_of_an_average(variant):
    model = averaged()
    values, gradient = inside(model, IMAGES, 2)
    weights = model[-1].weight[2].detach().clamp(min=0) / Z
    if variant == "unnormalized":
        g = gradient[:, :, 0, 0].clamp(min=0)
        weights = Z * g / (2 + values.sum((2, 3)) * g)
    expected = (values * weights.expand(3, 6)[:, :, None, None]).sum(1)
    found = pyxai.explain(model, IMAGES, "grad_cam_plus_plus", 2, variant=variant, **RAW).attribution[:, 0]
    assert torch.allclose(found, expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("scale", [0.01, 100])
@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
def test_in_front_of_an_average_scaled_scores_have_the_same_normalised_map(scale, kind):
    images, options = IMAGES.to(kind), {"normalize": "min_max", "layer": LAYER}
    one = pyxai.explain(averaged().to(kind), images, "grad_cam_plus_plus", 2, **options).attribution
    other = pyxai.explain(averaged(scale).to(kind), images, "grad_cam_plus_plus", 2, **options).attribution
    assert one.max() > 0.9 and (one - other).abs().max() < 1e-5


@pytest.mark.parametrize("scale", [1e-6, 0.01, 1, 100, 1e4])
@pytest.mark.parametrize("variant", ["paper", "unnormalized"])
def test_float32_is_near_float64_at_every_scale(scale, variant):
    """exp(S) is infinite in float32 from S = 89 on, and cubes of gradients underflow."""
    model = dense()
    for parameter in model[-1].parameters():
        parameter.data.mul_(scale)
    options = {"normalize": "max", "variant": variant}
    exact = pyxai.explain(model, IMAGES, "grad_cam_plus_plus", 1, **options).attribution
    found = pyxai.explain(model.float(), IMAGES.float(), "grad_cam_plus_plus", 1, **options).attribution
    assert exact.max() > 0.5 and (found - exact).abs().max() <= 1e-4


def test_no_positive_gradient_gives_a_map_of_zeros():
    model = averaged()
    model[-1].weight.data[2].abs_().neg_()
    found = pyxai.explain(model, IMAGES, "grad_cam_plus_plus", 2)
    assert not found.attribution.any() and found.extras["zero_map"].all()
