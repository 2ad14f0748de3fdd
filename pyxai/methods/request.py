"""What a method is given, and what it gives back."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import torch
from torch import Tensor

from pyxai.checks import expect, expect_images, shown
from pyxai.methods.targets import Target


@dataclass(frozen=True)
class Request:
    """A checked request.

    Attributes:
        images: (N, C, H, W), or volumes (N, C, T, H, W) where the method takes them; finite, in the model's
            dtype and on its device.
        target: what of each image's scores is explained.
        ids: (N,) int64, the keys of each image's noise.
    """

    images: Tensor
    target: Target
    ids: Tensor

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, rows: slice) -> Request:
        """The same request of some of the images."""
        return Request(self.images[rows], self.target.take(rows), self.ids[rows])


@dataclass
class Maps:
    """What a method returns.

    Attributes:
        attribution: T tensors of shape (N, ...), one for each target.
        target, score: (N, T), the classes explained and their scores; None for methods without a model.
        evaluations: (N,), model evaluations spent on each image; None for methods without a model.
        expected: (N, T), what each map must sum to; None where no axiom says.
        standard_error: like ``attribution``; None for methods that do not sample.
        extras: what else a method has to tell, by name: T tensors (N, ...), one for each target.
        axes: what the axes of one map are, see :class:`pyxai.methods.Explanation`; None for a picture.
    """

    attribution: list[Tensor]
    target: Tensor | None = None
    score: Tensor | None = None
    evaluations: Tensor | None = None
    expected: Tensor | None = None
    standard_error: list[Tensor] | None = None
    extras: dict[str, list[Tensor]] = field(default_factory=dict)
    axes: tuple[str, ...] | None = None

    def tensors(self) -> list[Tensor]:
        """All there is, in an order that is the same for all maps of a method."""
        alone = (self.target, self.score, self.evaluations, self.expected)
        lists = (self.attribution, self.standard_error or [], *self.extras.values())
        return [tensor for tensor in (*alone, *chain(*lists)) if tensor is not None]


def check_images(
    images: Any, dtype: torch.dtype | None, device: torch.device | None, volumes: bool = False
) -> None:
    """``images`` is a finite (N, C, H, W) tensor with pixels, in the model's dtype and on its device; where
    ``volumes`` will do, or (N, C, T, H, W).
    """
    expect_images(images, volumes)
    own = dtype in (None, images.dtype)
    expect(own, "images", f"have the model's dtype {dtype}", images.dtype, TypeError)
    near = device in (None, images.device)
    expect(near, "images", f"be on the model's device {device}", images.device)
    if not math.isfinite(images.detach().sum()):  # one pass; a finite sum has finite terms
        finite = torch.isfinite(images).flatten(1).all(1)
        rows = (~finite).nonzero().flatten().tolist()
        first = ", ".join(map(str, rows[:5])) + (", …" if len(rows) > 5 else "")
        expect(not rows, "images", "be finite", f"NaN or infinity in row {first}")


def check_ids(ids: Any, images: Tensor) -> Tensor:
    """The sample ids as an (N,) int64 tensor on the images' device; the row numbers where ``ids`` is None."""
    if ids is None:
        return torch.arange(len(images), device=images.device)
    try:
        ids = torch.as_tensor(ids, device=images.device)
    except (TypeError, ValueError, RuntimeError):
        expect(False, "ids", f"be {len(images)} whole numbers", shown(ids), TypeError)
    expect(ids.dtype == torch.int64, "ids", "be int64", ids.dtype, TypeError)
    expect(ids.shape == (len(images),), "ids", f"have shape ({len(images)},)", tuple(ids.shape))
    return ids
