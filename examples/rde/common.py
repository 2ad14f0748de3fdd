"""What the experiments share: a classifier, photographs as it wants them, and their command line.

Run an experiment from the repository's root: `python -m examples.rde.sensitivity --model SPEC --data PATH`.
SPEC and PATH are those of `pyxai explain`.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import pyxai
from pyxai.engine.data.images import find_images
from pyxai.engine.data.sources import read_row
from pyxai.engine.models.load import load_model
from pyxai.engine.runner.inputs import model_input
from pyxai.rde import Wavelets
from pyxai.render import gallery, read_class_names


@dataclasses.dataclass
class Photographs:
    """Images as a model wants them.

    Attributes:
        model: the classifier.
        images: (N, C, H, W) in its input space.
        names: their files.
        places: theirs among all pictures of the data, which are ``total``.
        ends: black and white in that space, as options of the methods.
        unit: (N, C, H, W), the images with black at 0 and white at 1, channels in the model's order.
        pictures: uint8 (H, W, 3) each, to show.
        channels: the model's order of them, "RGB" or "BGR".
        options: preset and budget from the command line.
        wavelets: the representation of CartoonX.
        out: folder of the pictures.
    """

    model: nn.Module
    images: Tensor
    names: list[str]
    places: range
    total: int
    ends: dict[str, tuple[float, ...]]
    unit: Tensor
    pictures: list[np.ndarray]
    channels: str
    options: dict[str, Any]
    wavelets: Wavelets
    out: Path

    def explain(self, method: str, rows: slice = slice(None), **options: Any) -> pyxai.Explanation:
        """`pyxai.explain` of some of the images, with the budget of the command line."""
        levels = {"levels": self.wavelets.levels} if method == "cartoonx" else {}
        options = self.ends | self.options | levels | options
        return pyxai.explain(self.model, self.images[rows], method=method, **options)

    def take(self, colours: Tensor) -> None:
        """Go on with these RGB pictures (N, 3, H, W) in [0, 1] instead."""
        black, white = (torch.tensor(end).view(-1, 1, 1) for end in self.ends.values())
        self.unit = colours.flip(1) if self.channels == "BGR" else colours
        self.images = black + (white - black) * self.unit
        self.pictures = _pictures(colours)

    def scores(self) -> Tensor:
        with torch.no_grad():
            return torch.cat([self.model(part) for part in self.images.split(8)])

    def show(self, name: str, maps: dict[str, Any], rows: slice = slice(None), cmap: str = "gray") -> None:
        """Write the images beside `maps` to `<out>/<name>.png`."""
        path = self.out / f"{name}.png"
        gallery(self.pictures[rows], maps, path, cmap=cmap, percentile=100)
        print(path)


def heatmaps(explanation: pyxai.Explanation) -> list[np.ndarray]:
    return list(explanation.heatmap().float().numpy())


def parser(description: str | None, count: int) -> argparse.ArgumentParser:
    """The arguments all experiments take."""
    made = argparse.ArgumentParser(description=description)
    made.add_argument("--model", required=True, help="model specification, as of `pyxai explain`")
    made.add_argument("--data", required=True, help="folder or zip of pictures")
    made.add_argument("--out", type=Path, default=Path("out/rde"))
    made.add_argument("--count", type=int, default=count, help=f"pictures to take (default {count})")
    made.add_argument("--every", type=int, default=1, help="take every n-th picture")
    made.add_argument("--resize", type=int)
    made.add_argument("--crop", type=int)
    made.add_argument("--preset", choices=("fast", "paper"), default="fast")
    made.add_argument("--levels", type=int, default=5, help="of CartoonX's wavelets (default 5)")
    made.add_argument("--steps", type=int)
    made.add_argument("--samples", type=int)
    return made


def opened(arguments: argparse.Namespace) -> Photographs:
    """The model and the pictures that `arguments` name."""
    loaded = load_model(arguments.model)
    changes = {name: getattr(arguments, name) for name in ("resize", "crop") if getattr(arguments, name)}
    preprocess = dataclasses.replace(loaded.preprocess, **changes)
    found = find_images(arguments.data, preprocess)
    total = len(found.names)
    places = range(total)[:: arguments.every][: arguments.count]
    names = [found.names[place] for place in places]
    pixels = [read_row(found.source, name, preprocess, found.shape) for name in names]
    images = model_input(pixels, preprocess, torch.device("cpu"), torch.float32)
    black, white = (torch.tensor(end).view(-1, 1, 1) for end in (preprocess.black, preprocess.white))
    unit = ((images - black) / (white - black)).clamp(0, 1)
    arguments.out.mkdir(parents=True, exist_ok=True)
    return Photographs(
        model=loaded.model,
        images=images,
        names=names,
        places=places,
        total=total,
        ends={"low": preprocess.black, "high": preprocess.white},
        unit=unit,
        pictures=_pictures(unit.flip(1) if preprocess.channels == "BGR" else unit),
        channels=preprocess.channels,
        options={
            name: value
            for name in ("preset", "steps", "samples")
            if (value := getattr(arguments, name)) is not None
        },
        wavelets=Wavelets(levels=arguments.levels),
        out=arguments.out,
    )


def _pictures(colours: Tensor) -> list[np.ndarray]:
    return [(255 * image.permute(1, 2, 0)).round().byte().numpy() for image in colours]


def class_names(path: str | None) -> dict[int, str]:
    return read_class_names(path) if path else {}
