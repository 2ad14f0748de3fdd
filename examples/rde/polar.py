"""A classifier that looks at the angle only, explained in two coordinates (CartoonX, figure 2)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

import pyxai
from pyxai.rde import Draw, Obfuscation, Optimiser, Pixels, Representation


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


def main() -> None:
    point = torch.tensor([[[[0.6 * math.cos(0.6), 0.6 * math.sin(0.6)]]]]) / 2 + 0.5
    settings = {
        "polar": (Polar(), Box((-math.pi, 0.0), (math.pi, 1.0)), ("angle", "radius")),
        "Euclidean": (Pixels(), Box((0.0, 0.0), (1.0, 1.0)), ("x", "y")),
    }
    for name, (representation, obfuscation, coordinates) in settings.items():
        for kept, coordinate in enumerate(coordinates):
            found = pyxai.explain(
                Angle(),
                point,
                method="rate_distortion",
                target=0,
                steps=1,
                samples=1024,
                start=torch.eye(2)[kept],
                representation=representation,
                obfuscation=obfuscation,
                optimiser=Still(),
            )
            print(f"{name}, {coordinate} kept: expected distortion {float(found.extras['distortion']):.4f}")


if __name__ == "__main__":
    main()
