"""What a walk back starts from: the scores of classes, or units of an inner layer."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pyxai.methods.request import Request
from pyxai.propagation.steps import one_hot


@dataclass(frozen=True)
class Explained:
    """What is explained of the value at which walks of one model call start.

    Attributes:
        classes: (n, T), -1 where units are explained.
        starts: T tensors like the value, of all rows of the call: 1 at what is explained, else 0.
        entries: how many rows of the value belong to an image.
    """

    classes: Tensor
    starts: list[Tensor]
    entries: int = 1

    def scores(self, value: Tensor) -> Tensor:
        """The sum of what is explained of a value, (n, T); ``value`` may have one row for all."""
        count = len(self.classes)
        chosen = (torch.where(start != 0, value, 0) for start in self.starts)
        sums = [part.reshape(len(part) // self.entries, -1).sum(1)[:count] for part in chosen]
        return torch.stack(sums, 1)


def classes_of(value: Tensor, request: Request) -> Explained:
    """The classes asked for of scores (rows, K)."""
    classes = request.target.choose(value[: len(request)])
    return Explained(classes, [one_hot(value, target) for target in classes.unbind(1)])


def units_in(value: Tensor, request: Request, unit: tuple[int | slice, ...], entries: int) -> Explained:
    """Units of an inner layer.

    Args:
        value: that of the layer, with ``entries`` rows for each image.
        unit: index into what the layer has for an image, (…) or (entries, …).
    """
    start = torch.zeros_like(value)
    of_images = start if entries == 1 else start.unflatten(0, (-1, entries))
    of_images[(slice(None), *unit)] = 1
    return Explained(torch.full_like(request.ids, -1)[:, None], [start], entries)
