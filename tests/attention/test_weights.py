"""Attention put together, against numpy."""

import numpy as np
import torch

from pyxai.attention.weights import discarded, over_heads, relevance_rollout, rollout


def attentions(blocks=3, images=2, tokens=5):
    generator = torch.Generator().manual_seed(0)
    return [
        torch.rand(images, tokens, tokens, generator=generator, dtype=torch.float64) for _ in range(blocks)
    ]


def test_over_heads():
    weights = torch.rand(3, 4, 5, 6)
    folded = weights.flatten(0, 1)
    for how, expected in (
        ("mean", weights.mean(1)),
        ("min", weights.amin(1)),
        ("max", weights.amax(1)),
        (2, weights[:, 2]),
    ):
        assert torch.equal(over_heads(weights, 0, 4, how), expected)
        assert torch.equal(over_heads(folded, 0, 4, how), expected)
        assert torch.equal(over_heads(weights.transpose(0, 1), 1, 4, how), expected)


def test_rollout_is_the_product():
    parts = attentions()
    found = rollout(parts, 0.3).numpy()
    for image in range(2):
        product = np.eye(5)
        for part in parts:
            mixed = 0.7 * part[image].numpy() + 0.3 * np.eye(5)
            product = mixed / mixed.sum(1, keepdims=True) @ product
        assert np.abs(found[image] - product).max() <= 1e-14
        assert np.allclose(product.sum(1), 1)


def test_a_pooler_has_no_residual_connection():
    parts, last = attentions(2), torch.rand(2, 1, 5, dtype=torch.float64)
    expected = last / last.sum(2, keepdim=True) @ rollout(parts)
    assert torch.allclose(rollout([*parts, last]), expected)


def test_the_smallest_are_discarded_image_by_image():
    (part,) = attentions(1)
    part[1] *= 10
    found = discarded(part, 0.4)
    for image in range(2):
        limit = np.sort(part[image].numpy(), axis=None)[10]
        assert torch.equal(found[image], part[image] * (part[image] >= limit))
    assert discarded(part, 0.0) is part


def test_relevance_rollout_leaves_the_identity_out():
    parts = attentions()
    product = np.eye(5)
    for part in parts:
        product = (np.eye(5) + part[1].numpy()) @ product
    assert np.allclose(relevance_rollout(parts)[1].numpy(), product - np.eye(5), rtol=1e-14)
