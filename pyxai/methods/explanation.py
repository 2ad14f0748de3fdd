"""The result of a method, with its completeness error and its sampling error."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from pyxai.methods.per_image import image_l1, image_sum
from pyxai.methods.request import Maps


@dataclass
class Explanation:
    """Attribution maps of a batch and how far each can be trusted.

    With T targets per image every result has an axis T after N.

    Attributes:
        attribution: (N, C, H, W), or (N, 1, H, W) for methods without colour; dtype and device of the images.
        target: (N,) int64, the class explained, 0 where there is one output, -1 where units of an inner layer
            are explained; None for methods without a model.
        score: (N,), what is explained of it: see ``output_kind``; None without a model.
        delta: (N,) float64, the completeness error: the sum of the map minus what it must be; None where no
            axiom says.
        residual: (N,) float64, |delta| / max(|expected|, 1e-3 · sum |map|); None where ``delta`` is.
        standard_error: like ``attribution``, of the map; None for methods that do not sample.
        evaluations: (N,) int64, gradient evaluations spent on each image; None without a model.
        method: name of the method.
        images: the images explained.
        extras: what else a method has to tell, by name, (N, ...) each. Methods that ask for gradients or the
            graph have ``zero_map``, (N,) bool: whether all values of the map are zero, as where no ReLU that
            the score depends on is active.
        output_kind: what the score is: one of ``scores`` (of a class, before any softmax), ``probabilities``,
            ``value`` (the model's one output), ``binary`` (one logit, of class 0 with the other sign) and
            ``units`` (the value of units of an inner layer, their sum where they are several); None without a
            model.
        target_name: ``module:qualname`` of the callable that was the target, or which units are explained;
            else None.
    """

    attribution: Tensor
    target: Tensor | None
    score: Tensor | None
    delta: Tensor | None
    residual: Tensor | None
    standard_error: Tensor | None
    evaluations: Tensor | None
    method: str
    images: Tensor | None = None
    extras: dict[str, Tensor] = field(default_factory=dict)
    output_kind: str | None = None
    target_name: str | None = None

    def __len__(self) -> int:
        return len(self.attribution)

    def __getitem__(self, rows) -> Explanation:
        """The explanation of some of the images: a slice, or an int for a batch of one."""
        if isinstance(rows, int):
            rows = slice(rows, rows + 1 or None)
        taken = {
            entry.name: value[rows] if isinstance(value := getattr(self, entry.name), Tensor) else value
            for entry in dataclasses.fields(self)
        }
        taken["extras"] = {name: value[rows] for name, value in self.extras.items()}
        return Explanation(**taken)

    def heatmap(self, reduce: Literal["sum", "abs_sum", "abs_max"] = "sum") -> Tensor:
        """The maps without their channel axis, (N, H, W).

        Args:
            reduce: ``sum`` keeps signs and the total; ``abs_sum`` and ``abs_max`` give magnitudes.
        """
        if reduce == "sum":
            return self.attribution.sum(-3)
        if reduce == "abs_sum":
            return self.attribution.abs().sum(-3)
        if reduce == "abs_max":
            return self.attribution.abs().amax(-3)
        raise ValueError(f"`reduce` must be 'sum', 'abs_sum' or 'abs_max', got {reduce!r}")

    def plot(self, **options: Any):
        """The maps beside their images, a ``PIL.Image``. Options as :func:`pyxai.render.sheet_of`."""
        from pyxai import render

        return render.sheet_of(self, **options)

    def save(self, path: str | Path, **options: Any) -> Path:
        """Write :meth:`plot` to ``path``; returns the path."""
        path = Path(path)
        self.plot(**options).save(path)
        return path


def explanation(
    maps: Maps, images: Tensor, method: str, single: bool, output_kind: str | None, target_name: str | None
) -> Explanation:
    """Put a method's maps together and compute the completeness error.

    Args:
        single: whether there is one target per image, and results have no axis for it.
    """
    delta = residual = None
    if maps.expected is not None:
        total = torch.stack([image_sum(attribution) for attribution in maps.attribution], 1)
        size = torch.stack([image_l1(attribution) for attribution in maps.attribution], 1)
        delta = total - maps.expected
        scale = torch.maximum(maps.expected.abs(), 1e-3 * size)
        residual = torch.where(delta == 0, 0.0, delta.abs() / scale)

    def axes(values: Tensor | None) -> Tensor | None:
        return values[:, 0] if single and values is not None else values

    def joined(parts: list[Tensor] | None) -> Tensor | None:
        return None if parts is None else parts[0] if single else torch.stack(parts, 1)

    return Explanation(
        attribution=joined(maps.attribution),
        target=axes(maps.target),
        score=None if maps.score is None else axes(maps.score).to(images.dtype),
        delta=axes(delta),
        residual=axes(residual),
        standard_error=joined(maps.standard_error),
        evaluations=maps.evaluations,
        method=method,
        images=images,
        extras={name: joined(parts) for name, parts in maps.extras.items()},
        output_kind=output_kind,
        target_name=target_name,
    )
