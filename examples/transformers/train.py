"""Train the vision transformers of the demonstration: `python -m examples.transformers.train --data FOLDER`.

FOLDER has the photographs of CIFAR-10 as zips of JPEG files in folders of their classes, 29 000 to train on:
`cifar10_train_catdoghorse.zip` and `cifar10_train_seven_2000.zip`, and 2000 to test: `cifar10_test_2000.zip`;
and `resnet20_cifar10.npz`, a trained network whose answers are learned beside the labels (distillation,
Hinton et al. 2015), since a transformer alone needs more photographs. In the first two thirds of a training
half of the patches are left out, others each time, which takes half of the time (Liu et al. 2022,
PatchDropout). About an hour on two cores. An interrupted training goes on from its last checkpoint in OUT,
one for each pass over the photographs.
"""

from __future__ import annotations

import argparse
import io
import os
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from examples.transformers.network import CLASSES, PREPROCESS, SmallViT, save
from pyxai.engine.data.preprocess import Preprocess
from tests.zoo import IMAGENET_MEAN, IMAGENET_STD, ResNet20, load_weights

TRAINING = ("cifar10_train_catdoghorse.zip", "cifar10_train_seven_2000.zip")
TEST = "cifar10_test_2000.zip"
BATCH, RATE, DECAY, PADDING = 125, 1.5e-3, 0.05, 4
TEMPERATURE, LABELS = 2.0, 0.3  # of the teacher's answers, and how much the labels count beside them


@dataclass(frozen=True)
class Photographs:
    """`pixels` (N, 3, 32, 32) uint8 and `labels` (N,) int64."""

    pixels: Tensor
    labels: Tensor


def read(*archives: Path) -> Photographs:
    """All photographs of some archives."""
    pixels, labels = [], []
    for archive in archives:
        with zipfile.ZipFile(archive) as source:
            for name in sorted(source.namelist()):
                if name.endswith(".jpg"):
                    pixels.append(np.asarray(Image.open(io.BytesIO(source.read(name))).convert("RGB")))
                    labels.append(CLASSES.index(Path(name).parent.name))
    return Photographs(torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2), torch.tensor(labels))


def order(labels: Tensor, generator: torch.Generator) -> Tensor:
    """As many rows as there are photographs, of all classes alike: of rarer classes they come more often."""
    weights = 1.0 / labels.bincount(minlength=len(CLASSES))[labels].double()
    return torch.multinomial(weights, len(labels), replacement=True, generator=generator)


def varied(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Shifted by up to four pixels, each half of the time mirrored."""
    count, _, height, width = pixels.shape
    shifts = torch.randint(0, 2 * PADDING + 1, (count, 2), generator=generator)
    mirrored = torch.rand(count, generator=generator) < 0.5
    columns = torch.arange(width).expand(count, -1)
    columns = torch.where(mirrored[:, None], columns.flip(1), columns) + shifts[:, 1:]
    rows = torch.arange(height).expand(count, -1) + shifts[:, :1]
    padded = F.pad(pixels, (PADDING,) * 4)
    which = torch.arange(count)[:, None, None]
    return padded[which, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def some(tokens: Tensor, generator: torch.Generator) -> Tensor:
    """Half of the patches of each image."""
    kept = torch.rand(tokens.shape[:2], generator=generator).argsort(1)[:, : tokens.shape[1] // 2]
    return tokens.gather(1, kept[:, :, None].expand(-1, -1, tokens.shape[2]))


def loss(scores: Tensor, answers: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy to the labels, smoothed, and to the teacher's answers at a higher temperature."""
    soft = F.cross_entropy(scores / TEMPERATURE, (answers / TEMPERATURE).softmax(1)) * TEMPERATURE**2
    return LABELS * F.cross_entropy(scores, labels, label_smoothing=0.1) + (1 - LABELS) * soft


def accuracy(network: nn.Module, photographs: Photographs) -> float:
    network.eval()
    with torch.no_grad():
        parts = photographs.pixels.split(200)
        found = torch.cat([network(PREPROCESS.normalise(part)).argmax(1) for part in parts])
    network.train()
    return (found == photographs.labels).double().mean().item()


def train(pooling: str, start: SmallViT | None, passes: int, data: Path, out: Path) -> SmallViT:
    """The network after so many passes over the photographs, from `start` or from random weights."""
    training, test = read(*(data / name for name in TRAINING)), read(data / TEST)
    teacher = load_weights(ResNet20(), data / "resnet20_cifar10.npz")
    theirs = Preprocess(mean=IMAGENET_MEAN, std=IMAGENET_STD)
    torch.manual_seed(0)
    network = SmallViT(pooling)
    if start is not None:
        network.load_state_dict(start.state_dict(), strict=False)
    optimiser = torch.optim.AdamW(network.parameters(), RATE, weight_decay=DECAY)
    batches = -(-len(training.labels) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, RATE if start is None else RATE / 3, total_steps=passes * batches, pct_start=0.1
    )
    parts = {"network": network, "optimiser": optimiser, "schedule": schedule}
    checkpoint, done = out / f"{pooling}.pt", 0
    if checkpoint.exists():
        state = torch.load(checkpoint)
        done = state.pop("done")
        for name, part in parts.items():
            part.load_state_dict(state[name])
    for number in range(done, passes):
        begin = time.perf_counter()
        generator = torch.Generator().manual_seed(number)
        for rows in order(training.labels, generator).split(BATCH):
            pixels, labels = varied(training.pixels[rows], generator), training.labels[rows]
            with torch.no_grad():
                answers = teacher(theirs.normalise(pixels))
            optimiser.zero_grad()
            tokens = network.tokens(PREPROCESS.normalise(pixels))
            if 3 * number < 2 * passes:
                tokens = some(tokens, generator)
            loss(network.scores(tokens), answers, labels).backward()
            optimiser.step()
            schedule.step()
        right, seconds = accuracy(network, test), time.perf_counter() - begin
        print(f"{pooling}: pass {number + 1} of {passes}, {right:.4f} right, {seconds:.0f} s", flush=True)
        state = {name: part.state_dict() for name, part in parts.items()}
        torch.save(state | {"done": number + 1}, out / "new")
        os.replace(out / "new", checkpoint)
    return network.eval()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the photographs")
    parser.add_argument("--out", type=Path, required=True, help="folder of the checkpoints")
    parser.add_argument("--passes", type=int, default=24, help="over the photographs (default 24)")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(2)
    data, out = arguments.data, arguments.out
    network = train("class_token", None, arguments.passes, data, out)
    save(network, "class_token")
    # The twin goes on from there: what is new to it is where the scores are read.
    save(train("mean_pooled", network, max(1, arguments.passes // 4), data, out), "mean_pooled")


if __name__ == "__main__":
    main()
