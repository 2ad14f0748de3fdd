"""Small trainings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

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


def folder(path: Path, classes=CLASSES, count=4, size=32, mode="RGB") -> Path:
    """``count`` pictures of each class in folders of the classes."""
    for row in range(count * len(classes)):
        values = ((pixels(row).permute(1, 2, 0) + 1) * 127.5).clamp(0, 255).byte().numpy()
        file = path / classes[row % len(classes)] / f"{row}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(values).resize((size, size)).convert(mode).save(file)
    return path


NETWORKS = {"image_size": 32, "batch": 2, "branches": 2, "discriminator_width": 4, "device": "cpu"}
"""What `begin` takes for networks that train in seconds."""

SMALL = {**NETWORKS, "iterations": 2, "report_every": 1}
"""Options of `pyxai dxai train` for them."""

MODEL = """
import types
import torch
class Net(torch.nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.fc = torch.nn.Linear(3, classes)
    def forward(self, x):
        return self.fc(x.mean((2, 3)))
def two():
    return Net(2).eval()
def five():
    return Net(5).eval()
def coloured():
    return two(), types.SimpleNamespace(mean=0.5)
def training():
    return torch.nn.Sequential(torch.nn.Dropout(), Net(2))
def labels():
    return torch.nn.Sequential(two(), torch.nn.Sigmoid()).eval()
def grey():
    return torch.nn.Sequential(torch.nn.Conv2d(1, 2, 32), torch.nn.Flatten()).eval()
"""
"""A file with small classifiers."""


@pytest.fixture(autouse=True)
def _one_thread():
    """Nets this small only lose by threads; sums have one order."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
