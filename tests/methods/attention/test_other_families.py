"""Methods of other families on the tokens of vision transformers."""

import pytest
import torch
import torch.nn.functional as F

import pyxai
from tests import vits

NAMES = [name for name in ("hand", "hand, tokens first", "timm", "transformers ViT") if name in vits.AT_HAND]


def explained(name, method, target=2, **options):
    model, images = vits.build(name), vits.images()
    return model, images, pyxai.explain(model, images, method, target, **options)


@pytest.mark.parametrize("name", vits.forms(NAMES))
def test_deeplift_is_complete(name):
    """Softmax, products, normalisation and GELU have rules that lose nothing."""
    model, images, found = explained(name, "deeplift", baseline=0.1)
    with torch.no_grad():
        scores, blank = (model(part) for part in (images, torch.full_like(images, 0.1)))
    if name.startswith("transformers"):
        scores, blank = scores.logits, blank.logits
    change = scores[:, 2] - blank[:, 2]
    assert (found.attribution.sum((1, 2, 3)) - change).abs().max() <= 1e-10 * change.abs().max()


@pytest.mark.parametrize("name", vits.forms(NAMES))
def test_integrated_gradients_are_complete(name):
    _, _, found = explained(name, "integrated_gradients", steps=128, rule="gauss_legendre")
    assert found.residual.max() <= 1e-4


@pytest.mark.parametrize("number", range(vits.DEPTH - 1))
def test_grad_cam_of_a_block(number):
    """Channels are weighted by the mean of their gradients over the patches; the class token is left out."""
    model, images, found = explained("hand", "grad_cam", layer=f"blocks.{number}")
    tokens = model.blocks[: number + 1](model.embed(images)).detach().requires_grad_(True)
    score = model.end(model.blocks[number + 1 :](tokens))[:, 2].sum()
    (gradient,) = torch.autograd.grad(score, tokens)
    weights = gradient[:, 1:].mean(1, keepdim=True)
    maps = (tokens * weights).sum(2)[:, 1:].unflatten(1, (4, 4)).clamp(min=0).detach()
    expected = F.interpolate(maps[:, None], (32, 32), mode="bilinear", align_corners=False)
    assert (found.attribution - expected).abs().max() <= 1e-12 * expected.max()
