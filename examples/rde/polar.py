"""A classifier that looks at the angle only, explained in two coordinates (CartoonX, figure 2).

The picture: the class's probability over the square, and where the point may lie if one coordinate is kept.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

import pyxai
from pyxai.rde import Draw, Obfuscation, Optimiser, Pixels, Representation
from pyxai.rde.scene import scene
from pyxai.render import colourise, gallery

POINT = torch.tensor([[[[0.6 * math.cos(0.6), 0.6 * math.sin(0.6)]]]]) / 2 + 0.5
SIDE = 64  # of the pictures, in pixels


class Angle(nn.Module):
    """Class 0 where a point of [-1, 1]², held as two pixels in [0, 1], lies in the direction of 0.6 rad."""

    def forward(self, images: Tensor) -> Tensor:
        x, y = (2 * images.flatten(1) - 1).unbind(1)
        score = 6 * (x * math.cos(0.6) + y * math.sin(0.6)) / torch.hypot(x, y).clamp(min=1e-6)
        return torch.stack([score, -score], 1)


class Polar(Representation):
    """h = (angle, radius)."""

    def coefficients(self, images: Tensor) -> Tensor:
        x, y = (2 * images.flatten(1) - 1).unbind(1)
        return torch.stack([torch.atan2(y, x), torch.hypot(x, y)], 1)[:, None]

    def images(self, coefficients: Tensor, shape: tuple[int, int, int]) -> Tensor:
        angle, radius = coefficients[:, 0].unbind(1)
        return (torch.stack([radius * angle.cos(), radius * angle.sin()], 1).reshape(-1, *shape) + 1) / 2


class Box(Obfuscation):
    """Uniform between `low` and `high`, one number a coefficient."""

    def __init__(self, low: tuple[float, float], high: tuple[float, float]):
        self.low, self.high = torch.tensor(low), torch.tensor(high)

    def replacements(self, draw: Draw) -> Tensor:
        share = pyxai.ops.uniform_noise(draw.ids[draw.index], draw.draws, draw.seed, (1, 2))
        return self.low + share * (self.high - self.low)


class Still(Optimiser):
    """Leaves the mask as it is, so that its expected distortion can be read off."""

    def start(self):
        return lambda mask, gradient: None


def decision() -> np.ndarray:
    """The probability of the class over the square, uint8 (H, W, 3)."""
    ends = torch.linspace(0, 1, SIDE)
    points = torch.stack(torch.meshgrid(ends, ends, indexing="xy"), -1).reshape(-1, 1, 1, 2)
    values = Angle()(points).softmax(1)[:, 0].reshape(SIDE, SIDE).flip(0)  # y upwards
    return colourise(values.numpy() - 0.5)


def cloud(points: Tensor) -> np.ndarray:
    """Where points (R, 1, 1, 2) lie in the square, (H, W)."""
    x, y = (points.flatten(1) * (SIDE - 1)).round().long().unbind(1)
    picture = torch.zeros(SIDE, SIDE)
    picture[SIDE - 1 - y, x] = 1
    return picture.numpy()


def main() -> None:
    made = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    made.add_argument("--out", type=Path, default=Path("out/rde"))
    arguments = made.parse_args()
    settings = {
        "polar": (Polar(), Box((-math.pi, 0.0), (math.pi, 1.0)), ("angle", "radius")),
        "Euclidean": (Pixels(), Box((0.0, 0.0), (1.0, 1.0)), ("x", "y")),
    }
    samples, maps = 1024, {}
    first, draws = torch.zeros(samples, dtype=torch.int64), torch.arange(samples)
    for name, (representation, obfuscation, coordinates) in settings.items():
        for kept, coordinate in enumerate(coordinates):
            mask = torch.eye(2)[kept]
            found = pyxai.explain(
                Angle(),
                POINT,
                method="rate_distortion",
                target=0,
                steps=1,
                samples=samples,
                start=mask,
                representation=representation,
                obfuscation=obfuscation,
                optimiser=Still(),
            )
            print(f"{name}, {coordinate} kept: expected distortion {float(found.extras['distortion']):.4f}")
            ends = torch.zeros(1), torch.ones(1)
            toy = scene(representation, obfuscation, POINT, torch.zeros(1, dtype=torch.int64), 0, *ends)
            maps[f"{coordinate} kept"] = [cloud(toy.obfuscated(mask[None], first, draws))]
    arguments.out.mkdir(parents=True, exist_ok=True)
    path = arguments.out / "polar.png"
    gallery([decision()], maps, path, cmap="gray", percentile=100)
    print(path)


if __name__ == "__main__":
    main()
