"""Make the demonstration's weights again: `python -m pyxai.demo.train`, under a minute on two cores.

They are shipped, 150 kB, rather than trained by `pyxai demo` itself: the demonstration then starts at once
and explains the same two networks on every machine, so that its figures can be compared.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from pyxai.demo import networks, pictures
from pyxai.demo.networks import SmallCNN

Draw = Callable[[], tuple[Tensor, Tensor]]


def pixels(images: np.ndarray) -> Tensor:
    """(N, H, W, 3) uint8 arrays as an (N, 3, H, W) tensor."""
    return torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))


def fit(network: SmallCNN, draw: Draw, iterations: int) -> SmallCNN:
    """Train on batches of images and wanted answers (N, classes) with AdamW; returns the network in eval
    mode.

    Every class is a yes-or-no question of its own, so a score is evidence for one class and not against
    others.
    """
    optimiser = torch.optim.AdamW(network.parameters(), weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1e-2, total_steps=iterations)
    network.train()
    for _ in range(iterations):
        images, wanted = draw()
        optimiser.zero_grad()
        F.binary_cross_entropy_with_logits(network(images), wanted).backward()
        optimiser.step()
        schedule.step()
    return network.eval()


def train_digits(iterations: int = 400) -> tuple[SmallCNN, float]:
    """Fit on three quarters of the digits, shifted by up to 3 pixels; the network and its accuracy on the
    rest.
    """
    torch.manual_seed(0)
    random = np.random.default_rng(0)
    images, labels = pictures.digit_images()
    data, classes = networks.DIGITS.normalise(pixels(images)), torch.from_numpy(labels)
    training, test = map(torch.from_numpy, pictures.split_digits(len(labels)))

    def draw() -> tuple[Tensor, Tensor]:
        rows = training[torch.from_numpy(random.integers(len(training), size=64))]
        down, right = random.integers(-3, 4, size=2)
        return data[rows].roll((int(down), int(right)), (2, 3)), F.one_hot(classes[rows], 10).float()

    network = fit(networks.untrained_digits(), draw, iterations)
    with torch.no_grad():
        right = network(data[test]).argmax(1) == classes[test]
    return network, right.double().mean().item()


def train_photographs(iterations: int = 400) -> tuple[SmallCNN, float]:
    """Fit on grids of crops from every second band of the photographs, each of which is there or is not.

    Brightness and colour are varied, so that structure matters too. Returns the network and the share of
    right answers, yes or no for every photograph, on grids from the other bands.
    """
    torch.manual_seed(0)
    random = np.random.default_rng(0)
    whole = [pictures.photograph(name) for name in pictures.PHOTOGRAPHS]

    def grids(parts: list[list[np.ndarray]], count: int) -> tuple[Tensor, Tensor]:
        chosen, images = zip(*(pictures.grid(parts, random) for _ in range(count)), strict=True)
        there = torch.zeros(count, len(parts)).scatter(1, torch.from_numpy(np.stack(chosen)), 1.0)
        return networks.PHOTOGRAPHS.normalise(pixels(np.stack(images))), there

    training = [pictures.training_parts(image) for image in whole]

    def draw() -> tuple[Tensor, Tensor]:
        images, there = grids(training, 16)
        gain, shift = 1 + 0.15 * torch.randn(16, 3, 1, 1), 0.15 * torch.randn(16, 3, 1, 1)
        images = torch.where(torch.rand(16, 1, 1, 1) < 0.5, images.flip(3), images)
        return images * gain + shift, there

    network = fit(networks.untrained_photographs(), draw, iterations)
    images, there = grids([pictures.test_parts(image) for image in whole], 200)
    with torch.no_grad():
        right = (network(images) > 0) == (there > 0)
    return network, right.double().mean().item()


def main() -> None:
    for name, train in (("digits", train_digits), ("photographs", train_photographs)):
        network, right = train()
        networks.save(network, name)
        print(f"{name}: {right:.1%} right on images it was not trained on")


if __name__ == "__main__":
    main()
