"""Labelled images for training: a stream balanced by class, of which any part can be had by its position."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn

from pyxai.checks import expect
from pyxai.dxai.step import numbered_generator

AUGMENTATIONS = ("none", "flip", "dihedral")


@dataclass(frozen=True)
class Range:
    """The affine map between a classifier's input and the generators' range, where black is -1 and white 1.

    Attributes:
        black, white: those pixels as the classifier's input has them, one value for each channel.
    """

    black: tuple[float, ...]
    white: tuple[float, ...]

    def unit(self, inputs: Tensor) -> Tensor:
        """(N, C, H, W) inputs of the classifier in the generators' range."""
        black, white = self._ends(inputs)
        return (inputs - black) * (2 / (white - black)) - 1

    def input(self, unit: Tensor) -> Tensor:
        """The inverse of :meth:`unit`."""
        black, white = self._ends(unit)
        return black + (unit + 1) * ((white - black) / 2)

    def scaled(self, part: Tensor) -> Tensor:
        """A summand of an image, of any leading axes, in the units of the classifier's input."""
        black, white = self._ends(part)
        return part * ((white - black) / 2)

    def _ends(self, like: Tensor) -> tuple[Tensor, Tensor]:
        return tuple(like.new_tensor(end)[:, None, None] for end in (self.black, self.white))


class OfUnitRange(nn.Module):
    """A classifier as a function of images in the generators' range, (N, C, H, W) to logits (N, c)."""

    def __init__(self, classifier: nn.Module, span: Range):
        super().__init__()
        self.classifier, self.range = classifier, span

    def forward(self, images: Tensor) -> Tensor:
        return self.classifier(self.range.input(images))


@dataclass(frozen=True)
class LabelledImages:
    """Images of one size with their classes.

    Attributes:
        read: the image of a row as the classifier's input, (C, H, W); called from several threads.
        labels: (M,) class of every row.
        classes: names of the classes, two at least, each with an image.
        identity: text that tells these images from others.
    """

    read: Callable[[int], Tensor]
    labels: np.ndarray
    classes: tuple[str, ...]
    identity: str = ""

    def __post_init__(self):
        count = len(self.classes)
        expect(count >= 2, "data", "have images of at least two classes", f"{count}")
        present = np.bincount(self.labels, minlength=count)
        empty = [name for name, images in zip(self.classes, present, strict=True) if not images]
        expect(not empty, "data", "have images of every class", f"none of {', '.join(empty)}")

    def batch(self, rows: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Images (N, C, H, W) and classes (N,)."""
        return torch.stack([self.read(int(row)) for row in rows]), torch.from_numpy(self.labels[rows])


class BalancedOrder:
    """An endless stream of rows in which every class comes once in every c places, in random order.

    Within a class all images come before one comes again. What stands at a position is a function of the seed
    and the position, so a stream is continued by its position alone.
    """

    def __init__(self, labels: np.ndarray, seed: int):
        self.seed = seed
        self.members = [np.flatnonzero(labels == label) for label in range(labels.max() + 1)]
        self._shuffled = lru_cache(maxsize=4 * len(self.members))(self._shuffle)

    def rows(self, start: int, count: int) -> np.ndarray:
        """Rows at the positions ``start`` to ``start + count - 1``."""
        return np.array([self._row(position) for position in range(start, start + count)])

    def _row(self, position: int) -> int:
        turn, place = divmod(position, len(self.members))
        label = int(self._shuffled(len(self.members), 0, turn)[place])
        own = self.members[label]
        epoch, index = divmod(turn, len(own))
        return int(own[self._shuffled(len(own), label + 1, epoch)[index]])

    def _shuffle(self, count: int, *which: int) -> np.ndarray:
        return np.random.default_rng((self.seed, *which)).permutation(count)


def augmentation_draws(count: int, seed: int, iteration: int) -> Tensor:
    """What :func:`augment` does to the ``count`` images of a step, (N, 2)."""
    return torch.randint(4, (count, 2), generator=numbered_generator(seed, iteration, 1))


def augment(images: Tensor, kind: str, draws: Tensor) -> Tensor:
    """Images (N, C, H, H) mirrored, or turned by quarters and mirrored too, as ``draws`` (N, 2) says.

    Args:
        kind: ``none``, ``flip`` (left and right) or ``dihedral`` (the published eight).
    """
    if kind == "none":
        return images
    changed = []
    for image, (mirror, turns) in zip(images, draws.tolist(), strict=True):
        image = image.flip(2) if mirror % 2 else image
        changed.append(image.rot90(turns, (1, 2)) if kind == "dihedral" else image)
    return torch.stack(changed)
