"""An affine map and its transpose, image by image."""

import pytest
import torch

from pyxai.capture.fast.stem import Stem
from tests.graphs import distance, pixels

WEIGHT, BIAS = pixels(4, 3, 3, 3), pixels(4, seed=2)


def convolved(images):
    return torch.conv2d(images, WEIGHT, BIAS, 2)


@pytest.fixture
def stem():
    return Stem(convolved, pixels(1, 3, 9, 9))


def test_without_layers_everything_passes():
    stem, images = Stem(), pixels(2, 3, 9, 9)
    assert not stem.deep
    assert stem.forward(images) is images and stem.pull_back(images) is images


def test_forward_is_the_map_of_each_image(stem):
    images = pixels(3, 3, 9, 9, seed=5)
    assert stem.deep
    assert distance(stem.forward(images), convolved(images)) <= 1e-14
    assert torch.equal(stem.forward(images)[1:2], stem.forward(images[1:2]))
    assert torch.equal(stem.forward_block(images), convolved(images))
    assert not stem.forward(images).requires_grad


def test_pull_back_is_the_transpose_of_the_linear_part(stem):
    images, cotangents = pixels(3, 3, 9, 9, seed=6), pixels(3, 4, 4, 4, seed=7)
    found = stem.pull_back(cotangents)
    assert torch.equal(found[1:2], stem.pull_back(cotangents[1:2]))
    linear = convolved(images) - convolved(torch.zeros_like(images))
    inner, outer = (a.mul(b).sum((1, 2, 3)) for a, b in ((images, found), (linear, cotangents)))
    assert distance(inner, outer) <= 1e-13


def test_cotangents_in_another_precision_are_cast(stem):
    cotangents = pixels(2, 4, 4, 4, seed=7).float()
    assert torch.equal(stem.pull_back(cotangents), stem.pull_back(cotangents.double()))
