"""Small trainings."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pyxai.dxai.data import LabelledImages
from pyxai.dxai.training import Recipe

CLASSES = ("dull", "red")


def pixels(row: int) -> torch.Tensor:
    """A smooth grey picture in [-1, 1]; odd rows are reddish."""
    generator = torch.Generator().manual_seed(row)
    coarse = torch.rand(1, 1, 4, 4, generator=generator) - 0.5
    image = torch.nn.functional.interpolate(coarse, size=32, mode="bilinear").repeat(1, 3, 1, 1)[0]
    image[0] += 0.4 * (row % 2)
    return image


def labelled_images(count: int = 12) -> LabelledImages:
    return LabelledImages(pixels, np.arange(count) % 2, CLASSES)


def small_recipe(**changes) -> Recipe:
    options = {
        "size": 32,
        "classes": CLASSES,
        "classifier": "discriminator",
        "branches": 2,
        "discriminator_width": 4,
        "batch": 4,
    }
    return Recipe(**{**options, **changes})


@pytest.fixture(autouse=True)
def _one_thread():
    """Nets this small only lose by threads; sums have one order."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
