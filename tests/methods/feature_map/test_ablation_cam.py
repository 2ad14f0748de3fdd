"""Ablation-CAM against a loop over channels through the eager model."""

import pytest
import torch

import pyxai
from tests import unfriendly
from tests.methods.feature_map.networks import IMAGES, LAYER, RAW, averaged, channel_scores, dense, inside


def without(channel, axis=1):
    def change(values):
        values = values.clone()
        values.select(axis, channel).zero_()
        return values

    return change


@pytest.mark.parametrize("layer", ["3", "2"])  # values that are not negative, and values of both signs
def test_formula(layer):
    model = dense()
    values, _ = inside(model, IMAGES, 0, layer)
    scores = model(IMAGES).detach()[:, [0, 2]]
    drops = torch.stack(
        [scores - channel_scores(model, IMAGES, without(k), layer)[:, [0, 2]] for k in range(6)], 2
    )
    expected = torch.einsum("nchw,ntc->nthw", values, drops / scores.abs()[..., None])
    found = pyxai.explain(model, IMAGES, "ablation_cam", [[0, 2]] * 3, layer=layer, rows=4, **RAW)
    assert torch.allclose(found.attribution[:, :, 0], expected, rtol=1e-9, atol=1e-13)


def test_in_front_of_an_average_the_drop_is_the_channels_share_of_the_score():
    model = averaged()
    values, _ = inside(model, IMAGES, 2)
    share = model[-1].weight[2].detach() * values.mean((2, 3))
    scores = model(IMAGES)[:, 2].detach()
    expected = torch.einsum("nchw,nc->nhw", values, share / scores.abs()[:, None])
    found = pyxai.explain(model, IMAGES, "ablation_cam", 2, layer=LAYER, **RAW).attribution[:, 0]
    assert torch.allclose(found, expected, rtol=1e-10, atol=1e-14)


def test_a_channel_that_raises_a_negative_score_has_a_positive_weight():
    model = averaged()
    model[-1].weight.data[2].abs_()
    model[-1].bias.data[2] = -100
    found = pyxai.explain(model, IMAGES, "ablation_cam", 2, layer=LAYER, **RAW)
    assert (found.score < 0).all() and (found.attribution >= 0).all() and found.attribution.any()


def test_channels_of_tokens_and_of_channels_last():
    model, images = unfriendly.build("OtherNorms"), unfriendly.images(2)
    values, _ = inside(model, images, 1, "norm")
    scores = model(images).detach()[:, 1]
    drops = torch.stack(
        [scores - channel_scores(model, images, without(k, -1), "norm")[:, 1] for k in range(8)], 1
    )
    expected = torch.einsum("nhwc,nc->nhw", values, drops / scores.abs()[:, None])
    found = pyxai.explain(model, images, "ablation_cam", 1, layer="norm", **RAW).attribution[:, 0]
    assert torch.allclose(found, expected, rtol=1e-9, atol=1e-12)
    model = unfriendly.build("SoftmaxAttention")
    values, _ = inside(model, images, 1, "qkv")
    scores = model(images).detach()[:, 1]
    drops = [scores - channel_scores(model, images, without(k, -1), "qkv")[:, 1] for k in range(36)]
    expected = torch.einsum("ntc,nc->nt", values, torch.stack(drops, 1) / scores.abs()[:, None])
    found = pyxai.explain(model, images, "ablation_cam", 1, layer="qkv", **RAW).attribution[:, 0]
    assert torch.allclose(found.flatten(1), expected, rtol=1e-9, atol=1e-12)
