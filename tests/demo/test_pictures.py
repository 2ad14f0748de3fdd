"""The demonstration's pictures: sizes, and what is trained on apart from what is tested on."""

import importlib.util

import numpy as np
import pytest

from pyxai.demo import pictures

pytestmark = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("sklearn", "skimage")),
    reason="needs scikit-learn and scikit-image",
)


def test_photographs_have_the_promised_size():
    for name in pictures.PHOTOGRAPHS:
        image = pictures.photograph(name)
        assert image.dtype == np.uint8
        assert min(image.shape[:2]) == pictures.SHORT_SIDE
        assert image.shape[2] == 3


def test_training_and_test_parts_share_no_pixel():
    """Marked by its column, every pixel is in one part at most."""
    image = np.broadcast_to(np.arange(600), (400, 600)).copy()[..., None]
    training, test = (
        {column for part in parts(image) for column in np.unique(part)}
        for parts in (pictures.training_parts, pictures.test_parts)
    )
    assert training
    assert test
    assert not training & test
    assert all(part.shape[1] >= pictures.CROP for part in pictures.test_parts(image))


def test_digits_are_split_without_overlap():
    training, test = pictures.split_digits(1797)
    assert sorted([*training, *test]) == list(range(1797))
    assert len(test) == 450


def test_grid_has_the_crops_it_says_it_has():
    parts = [[np.full((120, 130, 3), number, np.uint8)] for number in range(8)]
    chosen, image = pictures.grid(parts, np.random.default_rng(0))
    cells = image.reshape(2, pictures.CROP, 2, pictures.CROP, 3).transpose(0, 2, 1, 3, 4).reshape(4, -1)
    assert len(set(chosen)) == 4
    assert [set(cell) for cell in cells] == [{number} for number in chosen]


def test_share_in_cell_counts_positive_evidence_only():
    heatmap = np.full((192, 192), -5.0)
    heatmap[:96, 96:] = 1.0
    assert pictures.share_in_cell(heatmap, 1) == 1.0
    assert pictures.share_in_cell(heatmap, 2) == 0.0
    assert pictures.share_in_cell(np.ones((192, 192)), 3) == 0.25
