"""Attention is found by what it computes, whoever wrote the model."""

import dataclasses
from functools import cache

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from pyxai.capture.attention import attention_blocks
from pyxai.capture.classifier import Classifier
from pyxai.capture.program import capture
from pyxai.propagation.elementary import elementary
from tests import vits


def captured(model, images, output=None):
    return capture(Classifier(model, output), images)


@cache
def of_maker(name):
    """A maker's model and its capture, which the tests share."""
    model = vits.build(name)
    return model, captured(model, vits.images(), vits.VITS[name].output)


@pytest.mark.parametrize("name", vits.AT_HAND)
def test_blocks_of_every_maker(name):
    vit, (_, program) = vits.VITS[name], of_maker(name)
    blocks = program.attention()
    assert len(blocks) == vits.DEPTH + vit.pooled
    tokens = vits.PLACES + vit.prefix
    for block in blocks[: vits.DEPTH]:
        assert (block.heads, block.head_size) == (vits.HEADS, vits.WIDTH // vits.HEADS)
        assert (block.queries, block.keys, block.windows) == (tokens, tokens, 1)
        assert block.layout.size == (4, 4) and block.layout.tokens == tuple(range(vit.prefix, tokens))
        assert block.prefix == vit.prefix and block.among_themselves
        assert block.projection is not None
    if vit.pooled:
        assert (blocks[-1].queries, blocks[-1].keys) == (1, tokens) and not blocks[-1].among_themselves
    assert [entry["grid"] for entry in program.info()["attention"]] == [[4, 4]] * len(blocks)
    assert program.attention() is blocks


@pytest.mark.parametrize("name", vits.AT_HAND)
def test_the_nodes_are_the_attention(name):
    """Softmax of query and key, times the value, is what the product node has; heads are in order."""
    images, (model, program) = vits.images(3), of_maker(name)
    graph = elementary(program.forward)
    with torch.no_grad():
        expected = [vits.by_heads(part, 3) for part in vits.eager(name, model, images)[0]]
    for block, attention in zip(attention_blocks(graph, program.survey), expected, strict=True):
        values = _values(graph, images, block)
        assert torch.allclose(values["weights"], attention, rtol=1e-10, atol=1e-12)
        assert torch.allclose(values["weights"] @ values["value"], values["product"], rtol=1e-10, atol=1e-12)


def _values(graph, images, block):
    from pyxai.capture.split import beside

    names = ("value", "weights", "product")
    with torch.no_grad():
        found = beside(graph, [getattr(block, name) for name in names], scores=False)(images)
    return {name: block.by_head(value, len(images)) for name, value in zip(names, found, strict=True)}


def test_a_grid_that_is_no_square():
    model = vits.Hand(grid=(2, 5), class_token=False).double().eval()
    (first, *_) = captured(model, vits.images(size=(16, 40))).attention()
    assert first.layout.size == (2, 5) and first.prefix == 0


def test_networks_without_attention_have_none():
    layers = (
        nn.Conv2d(3, 4, 3),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4, 5),
        nn.Softmax(1),
    )
    program = captured(nn.Sequential(*layers).double().eval(), vits.images())
    assert program.attention() == () and "attention" not in program.info()


class Windows(nn.Module):
    """Attention within windows of 2 × 2 patches, as in Swin."""

    def __init__(self):
        super().__init__()
        self.patch, self.qkv, self.head = nn.Conv2d(3, 12, 8, 8), nn.Linear(12, 36), nn.Linear(12, 5)

    def forward(self, x):
        x = self.patch(x).movedim(1, -1)
        n = len(x)
        x = x.view(n, 2, 2, 2, 2, 12).permute(0, 1, 3, 2, 4, 5).reshape(n * 4, 4, 12)
        q, k, v = self.qkv(x).view(n * 4, 4, 3, 3, 4).permute(2, 0, 3, 1, 4)
        x = x + F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        return self.head(x.view(n, 16, 12).mean(1))


def test_windows_are_told_from_the_image():
    (block,) = captured(Windows().double().eval(), vits.images()).attention()
    assert (block.windows, block.heads, block.keys, block.layout) == (4, 3, 4, None)
    assert not block.among_themselves


def test_masks_and_biases_are_part_of_the_scores():
    class Biased(vits.Block):
        def attend(self, q, k, v):
            scores = (q * 0.3) @ k.mT + torch.linspace(0, 1, k.shape[-2], dtype=q.dtype)
            scores = torch.where(torch.ones(k.shape[-2], dtype=torch.bool), scores, -torch.inf)
            return scores.softmax(3).to(v.dtype) @ v

    model = vits.Hand(Biased).double().eval()
    assert len(captured(model, vits.images()).attention()) == vits.DEPTH


def test_an_uncaptured_model_says_why():
    model = vits.Hand().double().eval()
    program = dataclasses.replace(captured(model, vits.images()), captured=False, reason="of a reason")
    with pytest.raises(
        ValueError, match="`model` must be captured for its attention to be found, got of a reason"
    ):
        program.attention()
