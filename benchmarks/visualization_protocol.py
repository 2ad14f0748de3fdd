"""How well visualizations show what they were made for: Figs. 9 and 10 of Shi et al. 2023, on two networks.

    python -m benchmarks.visualization_protocol [--network cifar10|imagenet] [--data FOLDER] [--cells FOLDER]

For each layer, series and seed: the correlation of the layer's values for the pictures with the weights that
they were made for, and with the attributions; and the share of pictures whose class the network has among its
best. For each layer also what the network makes of the attributions themselves, put in the place of the
layer's values. Each such cell is stored when it is done, beside a sheet of its first pictures, so that a run
that was killed goes on where it was. At the end `results/visualization_protocol.json` has what the cells that
there are come to.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks import harness
from benchmarks.cells import Cells, begin, command
from benchmarks.harness import Results
from benchmarks.table import LAST_OF_LAYER, STUDIES
from benchmarks.visualization_series import GROUPS, SERIES, STRONGEST, Attribution, Shown, Study
from pyxai.metrics import among_best
from pyxai.render import picture_grid
from tests import zoo

SUBJECT = STUDIES[0]
# Attributions in the place of the layer's values, and whether they are made as large as these.
ATTRIBUTIONS = {"attributions themselves": False, "the same, as large as the values": True}
MEASURES = {
    "correlation": "correlation",
    "with_attributions": "correlation with the attributions",
    "consistency": "class among the best",
}
SHEET = 8  # pictures of a cell that are drawn


@dataclass(frozen=True)
class Network:
    """What is measured on a network.

    Attributes:
        title: of the network and its photographs.
        load: the model and its preprocessing.
        images: so many photographs, as the model takes them, and their labels.
        classes: the names of classes.
        layers: names of modules.
        count, seeds, steps: how many photographs, pictures of each and steps.
    """

    title: str
    load: Callable[[], tuple[Any, Any]]
    images: Callable[[int], tuple[Tensor, Tensor]]
    classes: Callable[[], Any]
    layers: tuple[str, ...]
    count: int
    seeds: int
    steps: int


NETWORKS = {
    "cifar10": Network(
        "ResNet-20, CIFAR-10",
        zoo.resnet20_cifar10,
        zoo.cifar10_images,
        lambda: zoo.CIFAR10_CLASSES,
        ("layer1", "layer2", "layer3"),
        count=20,
        seeds=3,
        steps=128,
    ),
    "imagenet": Network(
        "SqueezeNet, ImageNet",
        zoo.squeezenet_imagenet,
        zoo.imagenet_images,
        zoo.imagenet_classes,
        ("fire5", "fire9"),
        count=4,
        seeds=2,
        steps=256,
    ),
}


class Protocol:
    """The cells of one network."""

    def __init__(self, name: str, network: Network, folder: Path):
        self.network, self.how = network, Attribution()
        settings = {
            "steps": network.steps,
            "images": network.count,
            "attribution": asdict(self.how),
            "groups": GROUPS,
            "strongest": STRONGEST,
        }
        self.cells = Cells(folder / name, settings)
        self.model, self.preprocess = network.load()
        self.images, _ = network.images(network.count)
        with torch.no_grad():
            self.target = torch.cat([self.model(image).argmax(1) for image in self.images.split(1)])

    def run(self) -> None:
        """Make the cells that are missing."""
        for layer in self.network.layers:
            study = self._study(layer)
            self.cells.get(f"{layer}/attributions", lambda study=study: self._attributions(study))
            for seed in range(self.network.seeds):
                for series in SERIES:
                    self.cells.get(
                        _cell(layer, series, seed),
                        lambda study=study, series=series, seed=seed: self._cell(study, series, seed),
                    )

    def _study(self, layer: str) -> Study:
        """The images at a layer; their attributions are stored, too."""
        place = self.cells.folder / layer / "attributions.npy"
        stored = torch.from_numpy(np.load(place)) if place.exists() else None
        study = Study(self.model, self.preprocess, self.images, layer, self.target, stored, self.how)
        if stored is None:
            place.parent.mkdir(parents=True, exist_ok=True)
            half = place.with_name(f".{os.getpid()}.npy")
            np.save(half, study.attributions.numpy())
            os.replace(half, place)
        return study

    def _attributions(self, study: Study) -> dict[str, Any]:
        names = self.network.classes()
        found: dict[str, Any] = {"target": [names[c] for c in study.target.tolist()]}
        for title, scaled in ATTRIBUTIONS.items():
            scores = study.scores_of_attributions(scaled)
            found[title] = {
                "consistency": among_best(scores, study.target).tolist(),
                "best": [[names[c] for c in row] for row in _best(scores)],
            }
        return found

    def _cell(self, study: Study, series: str, seed: int) -> dict[str, Any]:
        start = time.perf_counter()
        shown = study.shown(series, self.network.steps, seed)
        seconds = time.perf_counter() - start
        found = {name: values.tolist() for name, values in asdict(study.measured(shown)).items()}
        self._draw(shown, self.cells.folder / f"{_cell(study.layer, series, seed)}.png")
        means = ", ".join(f"{name} {statistics.mean(values):.3f}" for name, values in found.items())
        print(f"{study.layer}, {series}, seed {seed}: {means}; {seconds:.0f} s", flush=True)
        return found | {"seconds": seconds}

    def _draw(self, shown: Shown, place: Path) -> None:
        place.parent.mkdir(parents=True, exist_ok=True)
        parts = shown.pictures[:SHEET]
        parts = parts.flip(2) if self.preprocess.channels == "BGR" else parts
        pixels = (255 * parts).round().byte().permute(0, 1, 3, 4, 2).numpy()
        picture_grid({str(g): list(pixels[:, g]) for g in range(pixels.shape[1])}, place)

    def state(self, results: Results) -> None:
        """What the cells come to; cells that are missing are left out, and said."""
        for layer in self.network.layers:
            title = f"{self.network.title}, {layer}"
            cell = self.cells.stored(f"{layer}/attributions")
            for name in ATTRIBUTIONS if cell else ():
                share = statistics.mean(cell[name]["consistency"])
                results.state(f"{title}{LAST_OF_LAYER}{name}: {MEASURES['consistency']}", share)
                for target, best in zip(cell["target"], cell[name]["best"], strict=True):
                    print(f"  {name}, of {target}: {', '.join(best)}")
            for series in SERIES:
                cells = [self.cells.stored(_cell(layer, series, seed)) for seed in range(self.network.seeds)]
                if None in cells:
                    print(f"{title}{LAST_OF_LAYER}{series}: not all of its cells are done")
                    continue
                for name, what in MEASURES.items():
                    table = np.array([cell[name] for cell in cells])  # seeds, images
                    results.state(f"{title}{LAST_OF_LAYER}{series}: {what}", table.mean())
                    results.state(
                        f"{title}{LAST_OF_LAYER}{series}: {what}, s.d. of images", table.mean(0).std(ddof=1)
                    )
                    results.state(
                        f"{title}{LAST_OF_LAYER}{series}: {what}, s.d. of seeds", table.mean(1).std(ddof=1)
                    )


def _best(scores: Tensor) -> list[list[int]]:
    """The five best classes of each row, or all where there are fewer."""
    return scores.topk(min(5, scores.shape[1]), 1).indices.tolist()


def _cell(layer: str, series: str, seed: int) -> str:
    return f"{layer}/{series.replace(', ', '-').replace(' ', '_')}/{seed}"


def main(argv: list[str] | None = None) -> int:
    parser = command(__doc__, SUBJECT, data=True)
    parser.add_argument("--network", choices=NETWORKS, action="append", help="default: all")
    parser.add_argument("--only-state", action="store_true", help="make no cell, say what there is")
    arguments = parser.parse_args(argv)
    begin(arguments)
    results = Results(SUBJECT, harness.machine() | {"gpu": ""})
    for name in arguments.network or NETWORKS:
        protocol = Protocol(name, NETWORKS[name], arguments.cells)
        if not arguments.only_state:
            protocol.run()
    for name, network in NETWORKS.items():
        if (arguments.cells / name).exists():
            Protocol(name, network, arguments.cells).state(results)
    print(f"stored {harness.write_json(results, arguments.out)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
