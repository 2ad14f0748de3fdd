"""Steps on a mask, one image at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from pyxai.checks import positive


class Optimiser:
    """To write one, give :meth:`start`."""

    def start(self) -> Callable[[Tensor, Tensor], None]:
        """A function of (mask, gradient), (K,) each, that changes the mask in place; one for each image."""
        raise NotImplementedError


@dataclass(frozen=True)
class Adam(Optimiser):
    """Adam (Kingma & Ba 2015, algorithm 1).

    Args:
        learning_rate: size of the first step.
        decay: of the running means of the gradient and of its square.
        epsilon: added to the root of the latter.
    """

    learning_rate: float = 1e-3
    decay: tuple[float, float] = (0.9, 0.999)
    epsilon: float = 1e-8

    def __post_init__(self):
        positive("learning_rate", self.learning_rate)

    def start(self) -> Callable[[Tensor, Tensor], None]:
        first = second = None
        step = 0

        def move(mask: Tensor, gradient: Tensor) -> None:
            nonlocal first, second, step
            if first is None:
                first, second = torch.zeros_like(mask), torch.zeros_like(mask)
            step += 1
            slow, slower = self.decay
            first.mul_(slow).add_(gradient, alpha=1 - slow)
            second.mul_(slower).addcmul_(gradient, gradient, value=1 - slower)
            root = (second / (1 - slower**step)).sqrt_().add_(self.epsilon)
            mask.addcdiv_(first, root, value=-self.learning_rate / (1 - slow**step))

        return move
