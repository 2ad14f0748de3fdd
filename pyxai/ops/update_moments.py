"""Running mean and variance of rows, image by image, for maps averaged over noise draws."""

import torch
from torch import Tensor

from pyxai.ops import _rows
from pyxai.ops._define import define

__all__ = ["update_moments_"]

SCHEMA = "update_moments_(Tensor(a!) mean, Tensor(b!) m2, Tensor(c!) count, Tensor rows, Tensor index) -> ()"


def _reference(mean: Tensor, m2: Tensor, count: Tensor, rows: Tensor, index: Tensor) -> None:
    for r, image in enumerate(index.tolist()):
        count[image] += 1
        row = rows[r].to(mean.dtype)
        deviation = row - mean[image]
        mean[image] += deviation / count[image].to(mean.dtype)
        m2[image] += deviation * (row - mean[image])


def _fake(mean: Tensor, m2: Tensor, count: Tensor, rows: Tensor, index: Tensor) -> None:
    return None


def _samples(device, dtype, rows, shape):
    images, sums = 3, _rows.accumulate_dtype(dtype)
    for total in (sums, torch.float64):
        yield (
            torch.randn(images, *shape, device=device, dtype=total),
            torch.rand(images, *shape, device=device, dtype=total),
            torch.arange(images, device=device),
            torch.randn(rows, *shape, device=device, dtype=dtype),
            torch.arange(rows, device=device) * 2 % images,
        )


_op = define(SCHEMA, reference=_reference, fake=_fake, samples=_samples)


def update_moments_(mean: Tensor, m2: Tensor, count: Tensor, rows: Tensor, index: Tensor) -> None:
    """Take the rows into the running moments of their images, in place (Welford 1962).

    For r = 0, 1, … and i = index[r]: ``count[i] += 1; d = rows[r] - mean[i]; mean[i] += d / count[i];
    m2[i] += d * (rows[r] - mean[i])``. The sample variance is ``m2 / (count - 1)``, the standard error of the
    mean ``sqrt(m2 / (count - 1) / count)``, the mean of squares ``mean**2 + m2 / count``.

    Args:
        mean: (N, ...) float32 or float64, start with zeros. Fastest contiguous or channels_last.
        m2: like ``mean``, in the same memory format; start with zeros.
        count: (N,) int64, start with zeros.
        rows: (R, ...) floating, at most as wide as ``mean``.
        index: (R,) int64, the image each row belongs to.

    The result does not depend on how the rows were packed into calls. Not differentiable. Raises
    ``ValueError`` or ``TypeError`` for arguments that do not fit together.
    """
    op = "update_moments_"
    _rows.check_total(op, "mean", mean)
    _rows.check_like(op, "m2", m2, "mean", mean)
    if m2.shape[0] != mean.shape[0]:
        raise ValueError(f"{op}: `m2` must have shape {tuple(mean.shape)}, got {tuple(m2.shape)}")
    _rows.check_integers(op, "count", count, mean.shape[0], mean)
    _rows.check_added(op, rows, mean)
    _rows.check_index(op, index, mean.shape[0], mean, rows.shape[0])
    _rows.check_detached(op, mean=mean, m2=m2, rows=rows)
    _op(mean, m2, count, rows, index)
