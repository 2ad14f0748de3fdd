"""FEM and Grad-CAM of clips: how much of a map lies on the object that decides, beside chance.

    python -m tools.volume_demo

A small network of 3-D convolutions learns in which of four directions a bright square moves, beside a disc
that moves just as far in a direction of its own, which tells nothing. It prints the network's accuracy on
clips that it has not seen, and for each method the mean share of the map's energy inside the square and
inside the disc, beside the shares of the volume that these take, which is what a map without any knowledge
would have; and draws `docs/methods/pictures/volumes.png`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import pyxai
from pyxai.metrics import energy_inside
from tools.methods_pictures import COLOURS

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "methods" / "pictures" / "volumes.png"
FRAMES, SIDE, OBJECT, SPEED = 8, 32, 7, 2  # frames, and pixels of a side, of the square, from frame to frame
STEPS = ((0, 1), (0, -1), (1, 0), (-1, 0))
NAMES = ("right", "left", "down", "up")
METHODS = {"fem": {}, "grad_cam": {}}


@dataclass(frozen=True)
class Clips:
    """Clips of the task.

    Attributes:
        images: (N, 1, T, H, W) in [0, 1].
        labels: (N,), the direction in which the square moves.
        square, disc: (N, T, H, W) bool, where these are.
    """

    images: Tensor
    labels: Tensor
    square: Tensor
    disc: Tensor


def clips(count: int, seed: int) -> Clips:
    """Clips with noise; the square may hide the disc, whose direction is independent of the class."""
    random = np.random.default_rng(seed)
    labels, others = random.integers(4, size=(2, count))
    y, x = np.mgrid[:SIDE, :SIDE]
    square, disc = np.zeros((2, count, FRAMES, SIDE, SIDE), bool)
    middle = FRAMES // 2
    starts = random.integers(SPEED * middle, SIDE - OBJECT - SPEED * middle + 1, size=(count, 2, 2))
    for number in range(count):
        for frame in range(FRAMES):
            step = np.array([STEPS[labels[number]], STEPS[others[number]]]) * SPEED * (frame - middle)
            (top, left), (down, right) = starts[number] + step + OBJECT // 2
            square[number, frame] = np.maximum(abs(y - top), abs(x - left)) <= OBJECT // 2
            disc[number, frame] = (y - down) ** 2 + (x - right) ** 2 <= 12
    disc &= ~square
    images = 0.3 + random.normal(0, 0.05, square.shape) + 0.5 * square + 0.5 * disc
    values = torch.from_numpy(images.clip(0, 1).astype(np.float32))[:, None]
    return Clips(values, *map(torch.from_numpy, (labels, square, disc)))


def network() -> nn.Sequential:
    """Three 3-D convolutions, a global average, a linear layer."""
    return nn.Sequential(
        nn.Conv3d(1, 8, (1, 5, 5), (1, 2, 2), (0, 2, 2), bias=False),
        nn.BatchNorm3d(8),
        nn.ReLU(),
        nn.Conv3d(8, 16, 3, padding=1, bias=False),
        nn.BatchNorm3d(16),
        nn.ReLU(),
        nn.Conv3d(16, 16, 3, padding=1, bias=False),
        nn.BatchNorm3d(16),
        nn.ReLU(),
        nn.AdaptiveAvgPool3d(1),
        nn.Flatten(),
        nn.Linear(16, len(STEPS)),
    )


def train(steps: int = 120, batch: int = 24) -> nn.Sequential:
    """A network in evaluation mode, the same on every call."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = network()
    optimiser = torch.optim.AdamW(model.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1e-2, total_steps=steps)
    for step in range(steps):
        seen = clips(batch, 1 + step)
        optimiser.zero_grad()
        F.cross_entropy(model(seen.images), seen.labels).backward()
        optimiser.step()
        schedule.step()
    return model.eval()


def accuracy(model: nn.Module, unseen: Clips) -> float:
    """The share of clips whose direction is told."""
    with torch.no_grad():
        return float((model(unseen.images).argmax(1) == unseen.labels).float().mean())


def shares(model: nn.Module, unseen: Clips) -> dict[str, tuple[float, float]]:
    """Of each method, and of chance: the mean shares of energy inside the square and inside the disc."""
    masks = {"square": unseen.square, "disc": unseen.disc}
    found = {"chance": tuple(float(mask.float().mean()) for mask in masks.values())}
    for method, options in METHODS.items():
        maps = pyxai.explain(model, unseen.images, method, unseen.labels, **options).heatmap()
        found[method] = tuple(float(energy_inside(maps, mask).mean()) for mask in masks.values())
    return found


def main() -> None:
    model, unseen = train(), clips(200, 0)
    print(f"accuracy {accuracy(model, unseen):.3f}")
    for name, (square, disc) in shares(model, unseen).items():
        print(f"{name:9} square {square:.3f}  disc {disc:.3f}")
    found = pyxai.explain(model, unseen.images[:1], "grad_cam", unseen.labels[:1], class_names=NAMES)
    found.plot(cmap="jet").quantize(COLOURS, kmeans=3).save(PICTURE, optimize=True)


if __name__ == "__main__":
    main()
