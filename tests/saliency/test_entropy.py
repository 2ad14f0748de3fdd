"""The face of local entropy; the operator has tests of its own."""

import math

import numpy as np
import pytest
import torch

from pyxai import saliency
from tests.saliency.pictures import photographs, tensor


@pytest.mark.parametrize("window", ["box", "disk"])
def test_against_scikit_image(window):
    rank, morphology = (pytest.importorskip(f"skimage.{name}") for name in ("filters.rank", "morphology"))
    pixels = photographs()
    found = saliency.entropy(tensor(pixels)[:, :1], radius=6, window=window)
    footprint = morphology.disk(6) if window == "disk" else np.ones((13, 13), np.uint8)
    expected = np.stack([rank.entropy(p[..., 0].copy(), footprint) for p in pixels])
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_two_colours_have_one_bit():
    board = (torch.arange(20)[:, None] + torch.arange(21)) % 2
    found = saliency.entropy(board[None, None].float(), radius=3)
    assert found[0, 10, 10] == pytest.approx(1, abs=1e-3)  # 25 of 49 are of one colour
    natural = saliency.entropy(board[None, None].float(), radius=3, base=math.e)
    torch.testing.assert_close(natural, found * math.log(2))


def test_mean_of_channels():
    images = tensor(photographs(40, 50))
    channels = [saliency.entropy(images[:, c : c + 1]) for c in range(3)]
    torch.testing.assert_close(saliency.entropy(images, channels="mean"), sum(channels) / 3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"radius": 128}, "`radius` must be at most 127, got 128"),
        ({"radius": 0}, "`radius` must be a positive whole number, got 0"),
        ({"base": 1}, "`base` must differ from 1, got 1"),
        ({"base": -2}, "`base` must be a positive number, got -2"),
        ({"window": "cross"}, "`window` must be one of 'box', 'disk', got 'cross'"),
    ],
)
def test_messages(options, message):
    with pytest.raises(ValueError, match=f"^entropy: {message}"):
        saliency.entropy(torch.rand(1, 3, 8, 8), **options)
