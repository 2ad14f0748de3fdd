"""The two classifiers that the paper explains besides the discriminator, and their training from scratch."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pyxai.checks import expect, whole
from pyxai.dxai.data import LabelledImages, augment


class SimpleClassifier(nn.Module):
    """Two convolutions and two linear layers (Kadar & Gilboa 2023, Tab. 6).

    Pools of side max(2, round √(size / 32)): 3 for the paper's 256² images.

    Args:
        size: height and width of the images in pixels.
        classes: number of classes.
        channels: of the images.
    """

    def __init__(self, size: int, classes: int, channels: int = 3):
        super().__init__()
        whole("size", size, 8)
        pool = max(2, round((size / 32) ** 0.5))
        side = size // pool // pool
        self.conv1 = nn.Conv2d(channels, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.pool = nn.MaxPool2d(pool)
        self.fc1 = nn.Linear(32 * side * side, 128)
        self.fc2 = nn.Linear(128, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.pool(self.conv1(x)))
        x = self.pool(self.conv2(x))
        return self.fc2(F.relu(self.fc1(x.flatten(1))))


class ResNet18(nn.Module):
    """ResNet-18 (He et al. 2016) with torchvision's parameter names.

    Args:
        classes: number of classes.
        channels: of the images.
    """

    def __init__(self, classes: int, channels: int = 3):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layer1 = nn.Sequential(BasicBlock(64, 64, 1), BasicBlock(64, 64, 1))
        self.layer2 = nn.Sequential(BasicBlock(64, 128, 2), BasicBlock(128, 128, 1))
        self.layer3 = nn.Sequential(BasicBlock(128, 256, 2), BasicBlock(256, 256, 1))
        self.layer4 = nn.Sequential(BasicBlock(256, 512, 2), BasicBlock(512, 512, 1))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(512, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(F.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(torch.flatten(self.avgpool(x), 1))


class BasicBlock(nn.Module):
    """Two 3×3 convolutions and a shortcut, projected where the shape changes."""

    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            projection = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.downsample = nn.Sequential(projection, nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


CLASSIFIERS: dict[str, Callable[[int, int, int], nn.Module]] = {
    "simple": SimpleClassifier,
    "resnet18": lambda size, classes, channels: ResNet18(classes, channels),
}
"""By name: functions of size, classes and channels."""

PATIENCE = 5  # epochs without a better accuracy, as published


def fit(
    model: nn.Module,
    data: LabelledImages,
    *,
    epochs: int = 100,
    batch: int = 32,
    rate: float = 1e-3,
    augmentation: str = "flip",
    seed: int = 0,
    device: str | torch.device = "cpu",
) -> float:
    """Train ``model`` with Adam on nine tenths of every class's images; the accuracy on the rest.

    It ends with the weights that were best on the rest, frozen and in evaluation mode, after ``epochs`` or
    once five have brought nothing better. (The paper has batches of 8 and a rate of 1e-4.) ``augmentation``
    is :func:`pyxai.dxai.data.augment`'s.
    """
    random = np.random.default_rng(seed)
    training, held = _split(data.labels, random)
    model.to(device, memory_format=torch.channels_last)
    optimiser = torch.optim.Adam(model.parameters(), lr=rate)
    best, state, waited = -1.0, None, 0
    for _ in range(epochs):
        model.train()
        # A batch of one has no deviation for a BatchNorm to divide by; the last one may be short otherwise.
        for rows in np.array_split(random.permutation(training), max(1, len(training) // batch)):
            images, target = (x.to(device) for x in data.batch(rows))
            images = augment(images, augmentation, torch.from_numpy(random.integers(4, size=(len(rows), 2))))
            optimiser.zero_grad()
            F.cross_entropy(model(images.contiguous(memory_format=torch.channels_last)), target).backward()
            optimiser.step()
        model.eval()
        right = accuracy(model, data, held, batch, device)
        waited += 1
        if right > best:
            best, state, waited = right, copy.deepcopy(model.state_dict()), 0
        if waited == PATIENCE:
            break
    model.load_state_dict(state)
    model.requires_grad_(False).zero_grad()
    return best


def _split(labels: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Rows to train on, and a tenth of every class, one at least, to hold out."""
    training, held = [], []
    for label in range(labels.max() + 1):
        own = random.permutation(np.flatnonzero(labels == label))
        expect(len(own) > 1, "data", "have two images of every class to train a classifier", len(own))
        some = max(1, len(own) // 10)
        held.append(own[:some])
        training.append(own[some:])
    return np.concatenate(training), np.concatenate(held)


@torch.no_grad()
def accuracy(
    model: nn.Module,
    data: LabelledImages,
    rows: np.ndarray,
    batch: int = 32,
    device: str | torch.device = "cpu",
) -> float:
    """Share of the rows' images that ``model`` gives their class."""
    right = 0
    for part in np.split(rows, range(batch, len(rows), batch)):
        images, target = (x.to(device) for x in data.batch(part))
        right += int((model(images).argmax(1) == target).sum())
    return right / len(rows)
