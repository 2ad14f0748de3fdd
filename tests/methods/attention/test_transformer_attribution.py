"""Transformer attribution against autograd, and against the relevance of one block by hand."""

import pytest
import torch
from torch import nn

import pyxai
from tests import vits


def explained(name, model, images, target=1, **options):
    settings = {"upsample": False, "output": vits.VITS[name].output}
    return pyxai.explain(model, images, "transformer_attribution", target, **settings | options).attribution[
        :, 0
    ]


READ_FIRST = [
    name for name in vits.AT_HAND if vits.VITS[name].prefix and "mean" not in name and "DINO" not in name
]


@pytest.mark.parametrize("name", vits.forms(READ_FIRST))
def test_with_the_attention_itself(name):
    vit, model, images = vits.VITS[name], vits.build(name), vits.images()
    attentions, tokens = vits.eager(name, model, images)
    score = vit.head(model, tokens[-1])[:, 1].sum()
    gradients = torch.autograd.grad(score, attentions)
    product = torch.eye(vits.PLACES + vit.prefix, dtype=torch.float64)
    for attention, gradient in zip(attentions, gradients, strict=True):
        added = vits.by_heads(attention.detach() * gradient, 2).clamp(min=0).mean(1)
        product = product + added @ product
    expected = product[:, 0, vit.prefix :].unflatten(1, (4, 4))
    found = explained(name, model, images, relevance="attention")
    assert (found - expected).abs().max() <= 1e-10 * expected.abs().max()


class OneBlock(nn.Module):
    """Attention alone, with weights and tokens that are positive: z⁺ is then LRP-0."""

    def __init__(self):
        super().__init__()
        self.patch, self.qk = nn.Conv2d(3, 6, 8, 8, bias=False), nn.Linear(6, 12, bias=False)
        self.v, self.head = nn.Linear(6, 6, bias=False), nn.Linear(6, 3, bias=False)
        for layer in (self.patch, self.v, self.head):
            nn.init.uniform_(layer.weight)

    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        q, k = self.qk(x).chunk(2, -1)
        return self.head(((q @ k.mT).softmax(-1) @ self.v(x)).mean(1))


def test_with_relevance_of_one_block():
    """R of A_ij is half of A_ij Σ_d v_jd w_d / T: the other half is the value's."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = OneBlock().double().eval()
    images = vits.images().abs()
    with torch.no_grad():
        x = model.patch(images).flatten(2).transpose(1, 2)
        q, k = model.qk(x).chunk(2, -1)
        attention = (q @ k.mT).softmax(-1)
        gradient = (model.v(x) @ model.head.weight[1] / 16)[:, None].expand_as(attention)
        expected = (gradient * attention * gradient / 2).mean(1).unflatten(1, (4, 4))
    found = pyxai.explain(model, images, "transformer_attribution", 1, upsample=False).attribution[:, 0]
    assert (found - expected).abs().max() <= 1e-5 * expected.abs().max()  # stabilisers


@pytest.mark.parametrize("name", vits.forms())
def test_every_maker_has_a_map_of_each_class(name):
    model, images = vits.build(name), vits.images()
    target = torch.tensor([[0, 3], [4, 0]])
    both = pyxai.explain(
        model, images, "transformer_attribution", target, upsample=False, output=vits.VITS[name].output
    )
    assert both.attribution.shape == (2, 2, 1, 4, 4) and both.attribution.isfinite().all()
    assert torch.equal(both.attribution[:, 1, 0], explained(name, model, images, [3, 0]))
