"""Sums over channels and places, for images and volumes."""

import torch

from pyxai.methods.feature_map.channels import places, weighted


def test_weighted_channels():
    for shape in ((2, 3, 4, 5), (2, 3, 4, 5, 6)):
        values, weights = torch.randn(shape), torch.randn(2, 3)
        assert torch.allclose(
            weighted(values, weights), torch.einsum("nc...,nc->n...", values, weights), atol=1e-6
        )
        assert torch.equal(weighted(values[:1], weights), weighted(values[:1].expand_as(values), weights))
        assert values.sum(places(values)).shape == (2, 3)
