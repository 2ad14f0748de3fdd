"""What a method is given, what it gives back, and per-image arithmetic that no batch mate can change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from pyxai import ops
from pyxai.attribution.targets import Target


@dataclass
class Batch:
    """A checked request: ``images`` (N, C, H, W), the ``target``, sample ``ids`` (N,), the method's name."""

    images: Tensor
    target: Target
    ids: Tensor
    method: str

    def split(self, size: int) -> Iterator[Batch]:
        """The same request in parts of at most ``size`` images."""
        for index in torch.arange(len(self.images), device=self.images.device).split(size):
            yield Batch(self.images[index], self.target.take(index), self.ids[index], self.method)


@dataclass
class Maps:
    """What a method returns.

    Attributes:
        attribution: T tensors of shape (N, ...), one a target.
        target, score: (N, T).
        expected: (N, T), what each map must sum to; None where no axiom says.
        evaluations: (N,), gradient evaluations spent on each image.
        standard_error: like ``attribution``; None for methods that do not sample.
        extras: what else a method has to tell, by name: T tensors (N, ...), one a target.
    """

    attribution: list[Tensor]
    target: Tensor
    score: Tensor
    evaluations: Tensor
    expected: Tensor | None = None
    standard_error: list[Tensor] | None = None
    extras: dict[str, list[Tensor]] = field(default_factory=dict)

    @staticmethod
    def joined(parts: list[Maps]) -> Maps:
        """The maps of a request that was :meth:`Batch.split`."""

        def rows(name: str) -> Tensor | None:
            found = [getattr(part, name) for part in parts]
            return None if found[0] is None else torch.cat(found)

        def lists(name: str) -> list[Tensor] | None:
            found = [getattr(part, name) for part in parts]
            return None if found[0] is None else [torch.cat(maps) for maps in zip(*found, strict=True)]

        whole = {name: rows(name) for name in ("target", "score", "evaluations", "expected")}
        return Maps(lists("attribution"), standard_error=lists("standard_error"), **whole)


def per_image(function: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """``function`` of each image on its own.

    A batched reduction may split its sum by the batch's size, which would let batch mates change the last
    bit.
    """
    return torch.stack([function(image) for image in images]) if len(images) else images.new_empty(0)


def image_sum(maps: Tensor) -> Tensor:
    """Sum of each map in float64: (N, ...) -> (N,)."""
    return per_image(lambda image: image.sum(dtype=torch.float64), maps).to(torch.float64)


def image_l1(maps: Tensor) -> Tensor:
    """Sum of magnitudes of each map in float64: (N, ...) -> (N,)."""
    return per_image(lambda image: image.abs().sum(dtype=torch.float64), maps).to(torch.float64)


def accumulator(images: Tensor) -> Tensor:
    """Zeros like ``images`` to sum gradients in: float32 at least."""
    return torch.zeros_like(images, dtype=torch.promote_types(images.dtype, torch.float32))


class Moments:
    """Streaming mean and variance of the rows of each image, in the order they come.

    Args:
        count: number of images.
        like: rows whose shape and dtype are kept (float32 at least).
    """

    def __init__(self, count: int, like: Tensor):
        self.mean = accumulator(like[:1].expand(count, *like.shape[1:]))
        self._sum_of_squares = torch.zeros_like(self.mean)
        self.count = torch.zeros(count, dtype=torch.int64, device=like.device)

    def update(self, rows: Tensor, index: Tensor) -> None:
        """Take in ``rows`` (r, ...), which belong to the images ``index`` (r,)."""
        ops.update_moments_(self.mean, self._sum_of_squares, self.count, rows, index)

    def variance(self) -> Tensor:
        """Mean squared distance from the mean, (N, ...)."""
        return self._sum_of_squares / self._samples(0)

    def standard_error(self) -> Tensor:
        """Standard error of the mean, (N, ...); 0 for a single row."""
        return (self._sum_of_squares / (self._samples(0) * self._samples(1))).sqrt()

    def _samples(self, less: int) -> Tensor:
        count = (self.count - less).clamp(min=1).to(self.mean.dtype)
        return count.reshape(-1, *[1] * (self.mean.ndim - 1))


def mix_ids(ids: Tensor, draw: Tensor) -> Tensor:
    """Ids (r,) of the noisy copies number ``draw`` (r,) of samples, so that inner noise differs by copy."""
    odd = 0x9E3779B97F4A7C15 - 2**64  # golden ratio in 64 bits, as a signed number; the product wraps
    return ids ^ ((draw + 1) * odd)
