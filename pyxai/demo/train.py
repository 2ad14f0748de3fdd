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

BATCH = 64
Draw = Callable[[], tuple[Tensor, Tensor]]


def pixels(images: np.ndarray) -> Tensor:
    """(N, H, W, 3) uint8 arrays as an (N, 3, H, W) tensor."""
    return torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))


def fit(network: SmallCNN, draw: Draw, iterations: int) -> SmallCNN:
    """Train on the batches `draw` gives with AdamW and a one-cycle rate; returns the network in eval mode."""
    optimiser = torch.optim.AdamW(network.parameters(), weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1e-2, total_steps=iterations)
    network.train()
    for _ in range(iterations):
        images, labels = draw()
        optimiser.zero_grad()
        F.cross_entropy(network(images), labels, label_smoothing=0.05).backward()
        optimiser.step()
        schedule.step()
    return network.eval()


def accuracy(network: SmallCNN, images: Tensor, labels: Tensor) -> float:
    """Share of `images` (already normalised) that are classified right."""
    with torch.no_grad():
        return (network(images).argmax(1) == labels).double().mean().item()


def train_digits(iterations: int = 600) -> tuple[SmallCNN, float]:
    """Fit on three quarters of the digits, shifted by up to 3 pixels; the network and its accuracy on the
    rest.
    """
    torch.manual_seed(0)
    random = np.random.default_rng(0)
    images, labels = pictures.digit_images()
    data, classes = networks.DIGITS.normalise(pixels(images)), torch.from_numpy(labels)
    training, test = map(torch.from_numpy, pictures.split_digits(len(labels)))

    def draw() -> tuple[Tensor, Tensor]:
        rows = training[torch.from_numpy(random.integers(len(training), size=BATCH))]
        down, right = random.integers(-3, 4, size=2)
        return data[rows].roll((int(down), int(right)), (2, 3)), classes[rows]

    network = fit(networks.untrained_digits(), draw, iterations)
    return network, accuracy(network, data[test], classes[test])


def train_photographs(iterations: int = 500) -> tuple[SmallCNN, float]:
    """Fit on crops of every second band of the photographs; the network and its accuracy on the other bands.

    Brightness and colour of every training crop are shifted, so that the network must also look at structure.
    """
    torch.manual_seed(0)
    random = np.random.default_rng(0)
    whole = [pictures.photograph(name) for name in pictures.PHOTOGRAPHS]
    training = [pictures.training_parts(image) for image in whole]
    test = [pictures.test_parts(image) for image in whole]

    def crops(parts: list[list[np.ndarray]], count: int) -> tuple[Tensor, Tensor]:
        labels = random.integers(len(whole), size=count)
        images = np.stack([pictures.random_crop(parts[label], random) for label in labels])
        return networks.PHOTOGRAPHS.normalise(pixels(images)), torch.from_numpy(labels)

    def draw() -> tuple[Tensor, Tensor]:
        images, labels = crops(training, BATCH)
        gain, shift = 1 + 0.15 * torch.randn(BATCH, 3, 1, 1), 0.15 * torch.randn(BATCH, 3, 1, 1)
        images = torch.where(torch.rand(BATCH, 1, 1, 1) < 0.5, images.flip(3), images)
        return images * gain + shift, labels

    network = fit(networks.untrained_photographs(), draw, iterations)
    return network, accuracy(network, *crops(test, 800))


def main() -> None:
    for name, train in (("digits", train_digits), ("photographs", train_photographs)):
        network, right = train()
        networks.save(network, name)
        print(f"{name}: {right:.1%} right on images it was not trained on")


if __name__ == "__main__":
    main()
