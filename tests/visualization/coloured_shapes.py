"""Pictures of coloured shapes, whose class is a colour and a shape, and two networks that know them.

One names the class; the other, trained apart from it on other pictures, tells the two attributes. It is
trained on pictures that are blurred, turned and noisy, too, since it is to read pictures that no camera made.
"""

from __future__ import annotations

import functools
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SIDE, LEAST, MOST = 48, 15, 20  # pixels of an image, and of an object
COLOURS = {"red": (0.85, 0.2, 0.2), "green": (0.2, 0.75, 0.25), "blue": (0.2, 0.3, 0.9)}
SHAPES = ("disc", "cross", "triangle")
CLASSES = tuple(f"{colour} {shape}" for colour in COLOURS for shape in SHAPES)


def attributes(classes: Tensor) -> tuple[Tensor, Tensor]:
    """The colours and the shapes of classes, by number."""
    return classes // len(SHAPES), classes % len(SHAPES)


def _shape(number: int, size: int, angle: float) -> Tensor:
    """(size, size) bool."""
    line = torch.linspace(-1, 1, size)
    y, x = torch.meshgrid(line, line, indexing="ij")
    y, x = math.cos(angle) * y - math.sin(angle) * x, math.sin(angle) * y + math.cos(angle) * x
    if SHAPES[number] == "disc":
        return y**2 + x**2 <= 0.9
    if SHAPES[number] == "cross":
        return torch.minimum(y.abs(), x.abs()) <= 0.28
    return (y <= 0.6) & (y >= 2.2 * x.abs() - 0.9)


def pictures(classes: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    """Images (N, 3, 48, 48) in [0, 1] of objects of the ``classes`` (N, n ≤ 4), in different quarters, and
    where these are (N, n, 48, 48).
    """
    generator = torch.Generator().manual_seed(seed)
    count, objects = classes.shape
    images = 0.5 + 0.12 * torch.randn(count, 3, SIDE // 4, SIDE // 4, generator=generator)
    images = F.interpolate(images, (SIDE, SIDE), mode="bilinear")
    where = torch.zeros(count, objects, SIDE, SIDE, dtype=torch.bool)
    for row in range(count):
        quarters = torch.randperm(4, generator=generator)
        for k in range(objects):
            size = int(torch.randint(LEAST, MOST + 1, (), generator=generator))
            inside = torch.randint(0, SIDE // 2 - size + 1, (2,), generator=generator)
            top, left = (SIDE // 2 * torch.tensor([quarters[k] // 2, quarters[k] % 2]) + inside).tolist()
            colour, shape = (int(value) for value in attributes(classes[row, k]))
            angle = 0.4 * float(torch.rand((), generator=generator)) - 0.2
            mask = _shape(shape, size, angle)
            where[row, k, top : top + size, left : left + size] = mask
            base = torch.tensor(list(COLOURS.values())[colour])[:, None]
            shade = base + 0.06 * torch.randn(3, 1, generator=generator)
            images[row, :, where[row, k]] = shade.expand(3, int(mask.sum()))
    noise = 0.04 * torch.randn(images.shape, generator=generator)
    return (images + noise).clamp(0, 1), where


@functools.cache
def names_the_class() -> nn.Module:
    """A network of three convolutions for images of one object; its last map is layer ``"8"``."""
    model = _network((16, 24, 48), 5, len(CLASSES), seed=0)
    images, labels = _examples(720, seed=1)
    return _trained(model, images, lambda scores, rows: F.cross_entropy(scores, labels[rows]), steps=200)


@functools.cache
def tells_the_attributes() -> nn.Module:
    """A network for images, (N, 3) scores of colours and then (N, 3) of shapes."""
    model = _network((24, 32, 32), 3, len(COLOURS) + len(SHAPES), seed=5)
    images, labels = _examples(1080, seed=2)
    images = torch.cat([images, _roughened(images, seed=3)])
    colours, shapes = attributes(labels.repeat(2))

    def loss(scores: Tensor, rows: Tensor) -> Tensor:
        by_colour, by_shape = scores.split([len(COLOURS), len(SHAPES)], 1)
        return F.cross_entropy(by_colour, colours[rows]) + F.cross_entropy(by_shape, shapes[rows])

    return _trained(model, images, loss, steps=300)


def read(images: Tensor) -> tuple[Tensor, Tensor]:
    """The colours and the shapes that the second network sees in images (N, 3, 48, 48), by number."""
    model = tells_the_attributes()  # which is trained at the first call
    with torch.no_grad():
        scores = model(images)
    colours, shapes = scores.split([len(COLOURS), len(SHAPES)], 1)
    return colours.argmax(1), shapes.argmax(1)


def _examples(count: int, seed: int) -> tuple[Tensor, Tensor]:
    labels = torch.arange(count) % len(CLASSES)
    return pictures(labels[:, None], seed)[0], labels


def _roughened(images: Tensor, seed: int) -> Tensor:
    """Paler, blurred and noisy ones."""
    generator = torch.Generator().manual_seed(seed)
    strength = 0.4 + 0.6 * torch.rand(len(images), 1, 1, 1, generator=generator)
    small = F.avg_pool2d(images, 3, 1, 1)
    noise = 0.1 * torch.randn(images.shape, generator=generator)
    return (0.5 + strength * (small - 0.5) + noise).clamp(0, 1)


def _network(widths: tuple[int, int, int], kernel: int, outputs: int, seed: int) -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        first, second, third = widths
        return nn.Sequential(
            nn.Conv2d(3, first, kernel, stride=2, padding=kernel // 2),
            nn.ReLU(),
            nn.Conv2d(first, second, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(second, third, 3, padding=1),
            nn.BatchNorm2d(third),
            nn.Identity(),
            nn.ReLU(),
            nn.AdaptiveMaxPool2d(1) if kernel == 3 else nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(third, outputs),
        )


def _trained(model: nn.Module, images: Tensor, loss, steps: int) -> nn.Module:
    optimiser = torch.optim.Adam(model.parameters(), lr=0.004)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 0.008, total_steps=steps)
    for step in range(steps):
        rows = torch.randperm(len(images), generator=torch.Generator().manual_seed(step))[:64]
        optimiser.zero_grad()
        loss(model(images[rows]), rows).backward()
        optimiser.step()
        schedule.step()
    return model.eval()
