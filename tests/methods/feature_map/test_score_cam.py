"""Score-CAM against a loop over channels through the eager model."""

import torch
import torch.nn.functional as F

import pyxai
from tests.methods.feature_map.networks import IMAGES, RAW, dense, inside


def oracle(model, image, values, target):
    scores = []
    for channel in values:
        mask = F.interpolate(channel[None, None], image.shape[-2:], mode="bilinear", align_corners=False)
        extent = mask.max() - mask.min()
        mask = (mask - mask.min()) / extent if extent > 0 else torch.zeros_like(mask)
        scores.append(model(image[None] * mask)[0, target])
    return torch.einsum("chw,c->hw", values, torch.stack(scores).softmax(0)).detach()


def test_formula():
    model = dense()
    model[2].weight.data[1], model[2].bias.data[1] = 0, -1  # a channel of zeros masks everything
    values, _ = inside(model, IMAGES, 0)
    found = pyxai.explain(model, IMAGES, "score_cam", [[0, 2]] * 3, rows=4, **RAW).attribution[:, :, 0]
    for image, value, maps in zip(IMAGES, values, found, strict=True):
        for one, target in zip(maps, (0, 2), strict=True):
            assert torch.allclose(one, oracle(model, image, value, target), rtol=1e-10, atol=1e-14)
