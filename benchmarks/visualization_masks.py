"""Where masks of attribution visualization lie, and how large they are, as the price of the area grows.

    python -m benchmarks.visualization_masks [--data FOLDER] [--cells FOLDER]

Each image has two objects, and is explained for the class of either: the mask should lie on this object, and
be as large as the intensity map says. What is done of each set of images and price is stored at once, so that
a run that was killed goes on.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

import pyxai
from benchmarks import harness
from benchmarks.cells import Cells, begin, command
from benchmarks.harness import Results
from benchmarks.table import STUDIES
from tests import zoo
from tests.visualization import two_objects

SUBJECT = STUDIES[2]
SCALES = (1, 4, 16, 64)  # of the price of the area
AREA_IS_KEPT = 64  # the price from which on masks shall be as large as they should
COUNT = 8  # images, of two classes each


@dataclass(frozen=True)
class Images:
    """Images of known objects, and the network that is asked about them.

    Attributes:
        title: what they are.
        run: the options of the explanation: model, layer, steps.
        images: (N, C, H, W).
        classes: (N, 2), of two objects of each image.
        where: (N, 2, H, W), bool, where these are.
        at_least: how many times the mass of chance an object's own mask should have on it.
    """

    title: str
    run: dict[str, Any]
    images: Tensor
    classes: Tensor
    where: Tensor
    at_least: float


def textures(count: int = COUNT, steps: int = 2048) -> Images:
    """Two textured objects on noise."""
    pairs = torch.tensor([[0, 1], [2, 3], [1, 2], [3, 0]]).repeat(-(-count // 4), 1)[:count]
    images, where = two_objects.pictures(pairs, seed=3)
    run = {"model": two_objects.trained(), "layer": "8", "steps": steps}
    return Images("two textures", run, images, pairs, where, at_least=2.0)


def tiles(count: int = COUNT, steps: int = 512) -> Images:
    """Two by two photographs of CIFAR-10, all of classes that the network knows them to be."""
    model, preprocess = zoo.resnet20_cifar10()
    run = {"model": model, "preprocess": preprocess, "layer": "layer3", "steps": steps}
    return Images("2×2 photographs, ResNet-20", run, *collages(model, count), at_least=1.6)


def collages(model: nn.Module, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Images (N, 3, 64, 64) of four photographs of different classes that the model knows, the classes
    (N, 2) of the upper two, and these tiles (N, 2, 64, 64).
    """
    images, labels = zoo.cifar10_images()
    with torch.no_grad():
        known = torch.cat([model(part).argmax(1) for part in images.split(200)]) == labels
    of_class = [images[known & (labels == label)] for label in range(10)]
    made, pairs, where = [], [], torch.zeros(count, 2, 64, 64, dtype=torch.bool)
    where[:, 0, :32, :32] = where[:, 1, :32, 32:] = True
    for row in range(count):
        classes = torch.randperm(10, generator=torch.Generator().manual_seed(row))[:4].tolist()
        photographs = [of_class[label][row] for label in classes]
        made.append(torch.cat([torch.cat(photographs[:2], 2), torch.cat(photographs[2:], 2)], 1))
        pairs.append(classes[:2])
    return torch.stack(made), torch.tensor(pairs), where


def masks(about: Images, scale: float) -> dict[str, list[float]]:
    """Of every mask, its mass on the object of its class as a multiple of chance, and the error of its area.

    The attributions have the zero baseline.
    """
    extras = pyxai.explain(
        images=about.images,
        target=about.classes,
        method="attribution_visualization",
        lambda_scale=float(scale),
        attribution_options={"baseline": "zero"},
        **about.run,
    ).extras
    mask, off = extras["mask"], (extras["kept"] - extras["area"]).abs()
    chance = about.where.double().mean((2, 3))
    times = (mask * about.where).sum((2, 3)) / mask.sum((2, 3)) / chance
    return {"times": times.flatten().tolist(), "off": off.flatten().tolist()}


def state(results: Results, about: Images, scale: float, found: dict[str, list[float]]) -> None:
    times, off = torch.tensor(found["times"]), torch.tensor(found["off"])
    what = f"{about.title}, {len(times)} masks, {about.run['steps']} steps, λ × {scale}"
    wanted = f">= {about.at_least:g}" if scale == 1 else ""
    results.state(f"{what}: mass on the object ÷ chance, mean", times.mean(), wanted=wanted)
    results.state(f"{what}: mass on the object ÷ chance, least", times.min())
    wanted = "<= 0.05" if scale == AREA_IS_KEPT else ""
    results.state(f"{what}: |area - β|, mean", off.mean(), wanted=wanted)
    results.state(f"{what}: |area - β|, greatest", off.max())


def main(argv: list[str] | None = None, makers: tuple[Callable[[], Images], ...] = (textures, tiles)) -> int:
    arguments = command(__doc__, SUBJECT, data=True).parse_args(argv)
    begin(arguments)
    results = Results(SUBJECT, harness.machine() | {"gpu": ""})
    for make in makers:
        about = make()
        cells = Cells(
            arguments.cells / make.__name__, {"steps": about.run["steps"], "images": len(about.images)}
        )
        for scale in SCALES:
            state(results, about, scale, cells.get(str(scale), partial(masks, about, scale)))
    print(f"stored {harness.write_json(results, arguments.out)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
