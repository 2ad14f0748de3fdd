"""Weighted sums of rows, image by image and in order: of gradients along a path, or over noise draws."""

import torch
from torch import Tensor

from pyxai.ops import _rows
from pyxai.ops._define import define

__all__ = ["path_accumulate_"]

SCHEMA = "path_accumulate_(Tensor(a!) total, Tensor rows, Tensor index, Tensor weight) -> ()"


def _reference(total: Tensor, rows: Tensor, index: Tensor, weight: Tensor) -> None:
    for r, image in enumerate(index.tolist()):
        total[image] += weight[r] * rows[r].to(total.dtype)


def _fake(total: Tensor, rows: Tensor, index: Tensor, weight: Tensor) -> None:
    return None


def _samples(device, dtype, rows, shape):
    images, sums = 3, _rows.accumulate_dtype(dtype)
    index = torch.arange(rows, device=device) * 2 % images
    for total in (sums, torch.float64):
        yield (
            torch.randn(images, *shape, device=device, dtype=total),
            torch.randn(rows, *shape, device=device, dtype=dtype),
            index,
            torch.randn(rows, device=device, dtype=total),
        )


_op = define(SCHEMA, reference=_reference, fake=_fake, samples=_samples)


def path_accumulate_(total: Tensor, rows: Tensor, index: Tensor, weight: Tensor) -> None:
    """Add ``weight[r] * rows[r]`` to ``total[index[r]]`` for r = 0, 1, …, in place.

    Each element takes one multiplication and one addition per row, in the dtype of ``total`` and strictly in
    the order of r, so the sum does not depend on how the rows were packed into calls.

    Args:
        total: (N, ...) float32 or float64, changed in place. Fastest contiguous or channels_last.
        rows: (R, ...) floating, at most as wide as ``total``. Fastest in the memory format of ``total``.
        index: (R,) int64, the image each row belongs to.
        weight: (R,) floating, converted to the dtype of ``total``.

    Not differentiable. Raises ``ValueError`` or ``TypeError`` for arguments that do not fit together.
    """
    op = "path_accumulate_"
    _rows.check_total(op, "total", total)
    _rows.check_added(op, rows, total)
    _rows.check_index(op, index, total.shape[0], total, rows.shape[0])
    _rows.check_reals(op, "weight", weight, rows.shape[0], total)
    _rows.check_detached(op, total=total, rows=rows, weight=weight)
    _op(total, rows, index, weight.to(total.dtype))


def sum_rows(rows: Tensor, index: Tensor, weight: Tensor, shape: torch.Size) -> Tensor:
    """The gradient of copying images into rows: the weighted sum of each image's rows, in their dtype."""
    total = rows.new_zeros(shape, dtype=weight.dtype)
    _op(total, rows, index, weight)
    return total.to(rows.dtype)
