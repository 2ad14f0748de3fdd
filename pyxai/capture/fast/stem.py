"""The affine layers a model begins with, run apart from the rest."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


class Stem:
    """An affine map A from images to the input of the rest of the model.

    Along a straight line between two images A runs only at its ends, and the transpose of its linear part,
    which does not depend on the image, runs once on a sum of gradients. Both work on one image a call, so
    that an image's bits do not depend on its batch mates.

    Args:
        forward: the map; None is the identity.
        example: one image (1, C, H, W), for shape, dtype and device.
    """

    def __init__(self, forward: Callable[[Tensor], Tensor] | None = None, example: Tensor | None = None):
        self._forward = forward
        if forward is not None:
            self._leaf = torch.zeros_like(example).requires_grad_(True)
            with torch.enable_grad():
                self._value = forward(self._leaf)

    @property
    def deep(self) -> bool:
        """Whether there are any such layers."""
        return self._forward is not None

    def forward(self, images: Tensor) -> Tensor:
        """A of each image, (N, ...)."""
        return torch.cat([self.forward_block(image) for image in images.split(1)]) if self.deep else images

    def forward_block(self, rows: Tensor) -> Tensor:
        """A of ``rows`` in one call; the caller keeps their number fixed."""
        with torch.no_grad():
            return self._forward(rows)

    def pull_back(self, cotangents: Tensor) -> Tensor:
        """Transpose of A's linear part: (N, ...) to (N, C, H, W)."""
        if not self.deep:
            return cotangents
        return torch.cat(
            [
                torch.autograd.grad(self._value, self._leaf, part.to(self._value.dtype), retain_graph=True)[0]
                for part in cotangents.split(1)
            ]
        )
