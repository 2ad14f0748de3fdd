"""Magnitudes of the gradient, reduced over the channels."""

import torch

import pyxai
from tests import unfriendly


def test_saliency_reductions():
    model, images = unfriendly.build("Gate"), unfriendly.images(4)
    gradient = pyxai.explain(model, images, "gradient", 0).attribution
    signed = pyxai.explain(model, images, "saliency", 0, reduce="signed").attribution
    mean = pyxai.explain(model, images, "saliency", 0, reduce="mean").attribution
    assert torch.equal(signed.abs(), gradient.abs().amax(1, keepdim=True)) and bool((signed < 0).any())
    assert torch.equal(mean, gradient.abs().mean(1, keepdim=True))


def test_the_default_is_the_largest_magnitude():
    model, images = unfriendly.build("Gate"), unfriendly.images(4)
    gradient = pyxai.explain(model, images, "gradient", 0).attribution
    found = pyxai.explain(model, images, "saliency", 0).attribution
    assert torch.equal(found, gradient.abs().amax(1, keepdim=True))
