"""Parts of an image, and what is said of them."""

import pytest
import torch

from pyxai.dxai import Decomposition, decompose
from tests.dxai.conftest import labelled_images, small_recipe


def test_styles_of_an_explanation():
    """They depend on the seed, not on batch mates, and several are averaged."""
    networks = small_recipe().networks()
    images, target = labelled_images().batch(range(4))
    with torch.no_grad():
        alone = decompose(networks, images[:1], target[:1])
        torch.testing.assert_close(decompose(networks, images, target).branches[:1], alone.branches)
        assert not torch.allclose(
            decompose(networks, images[:1], target[:1], seed=1).branches, alone.branches
        )
        two = decompose(networks, images[:1], target[:1], samples=2).branches
    assert not torch.allclose(two, alone.branches)
    assert not two.requires_grad


def test_parts_sum_to_the_image():
    networks = small_recipe().networks()
    images, target = labelled_images().batch(range(3))
    parts = decompose(networks, images, target)
    assert parts.branches.shape == (3, 2, 3, 32, 32)
    torch.testing.assert_close(parts.distinct + parts.agnostic + parts.residual, images, rtol=0, atol=1e-5)


def test_quality():
    """The peak of a range from -1 to 1 is 2: an error of 0.02 everywhere is 40 decibels."""
    branches = torch.rand(2, 3, 1, 4, 4)
    parts = Decomposition(branches, torch.full((2, 1, 4, 4), 0.02))
    assert parts.psnr().tolist() == pytest.approx([40, 40], rel=1e-5)
    assert torch.equal(parts.distinct, branches[:, 0])
    torch.testing.assert_close(parts.agnostic, branches[:, 1] + branches[:, 2])
