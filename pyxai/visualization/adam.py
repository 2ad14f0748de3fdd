"""Adam on many rows at once, each with a rate of its own."""

from __future__ import annotations

import torch
from torch import Tensor


class Adam:
    """Adam (Kingma & Ba 2015, algorithm 1); no row's arithmetic depends on another's.

    Args:
        values: (N, …), changed in place by :meth:`step`.
    """

    SLOW, SLOWER, EPSILON = 0.9, 0.999, 1e-8

    def __init__(self, values: Tensor):
        self._values, self._steps = values, 0
        self._first, self._second = torch.zeros_like(values), torch.zeros_like(values)

    def step(self, gradient: Tensor, rate: Tensor) -> None:
        """Move the values against ``gradient`` (N, …) by steps of the size of ``rate`` (N,)."""
        self._steps += 1
        self._first.mul_(self.SLOW).add_(gradient, alpha=1 - self.SLOW)
        self._second.mul_(self.SLOWER).addcmul_(gradient, gradient, value=1 - self.SLOWER)
        root = (self._second / (1 - self.SLOWER**self._steps)).sqrt_().add_(self.EPSILON)
        size = (rate / (1 - self.SLOW**self._steps)).to(root)
        self._values.sub_(size.view(-1, *[1] * (root.ndim - 1)) * (self._first / root))
