"""Mean and variance of many maps of each image, without keeping the maps."""

from __future__ import annotations

import torch
from torch import Tensor

from pyxai import ops
from pyxai.methods.per_image import accumulator


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
